"""Listening tests: which pictures and melodies are asked about, their files, and what came out."""

from synvae_core.listening.design import Design, Key, balanced_design
from synvae_core.listening.files import (
    read_key,
    read_results,
    read_sessions,
    read_tasks,
    write_key,
    write_media,
    write_results,
    write_tasks,
)
from synvae_core.listening.published import cluster_labels, merge_rare, published_set
from synvae_core.listening.scoring import (
    Scores,
    Session,
    Share,
    fleiss_kappa,
    score,
    simulated_session,
)
from synvae_core.listening.tasks import Task, TaskSet

__all__ = [
    "Design",
    "Key",
    "Scores",
    "Session",
    "Share",
    "Task",
    "TaskSet",
    "balanced_design",
    "cluster_labels",
    "fleiss_kappa",
    "merge_rare",
    "published_set",
    "read_key",
    "read_results",
    "read_sessions",
    "read_tasks",
    "score",
    "simulated_session",
    "write_key",
    "write_media",
    "write_results",
    "write_tasks",
]
