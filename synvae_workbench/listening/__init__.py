"""Listening tests: which pictures and melodies are asked about, their files, and what came out."""

from synvae_workbench.listening.design import Design, Key, balanced_design
from synvae_workbench.listening.files import (
    read_key,
    read_results,
    read_sessions,
    read_tasks,
    write_key,
    write_media,
    write_results,
    write_tasks,
)
from synvae_workbench.listening.scoring import (
    Scores,
    Session,
    Share,
    fleiss_kappa,
    score,
    simulated_session,
)
from synvae_workbench.listening.served import Served, fingerprint, serve
from synvae_workbench.listening.sitting import (
    Answer,
    Sitting,
    Sittings,
    begin_sitting,
    behaviour,
    export_sittings,
    open_sitting,
    read_sittings,
)
from synvae_workbench.listening.syneval import cluster_labels, merge_rare, published_set
from synvae_workbench.listening.tasks import Task, TaskSet

__all__ = [
    "Answer",
    "Design",
    "Key",
    "Scores",
    "Served",
    "Session",
    "Share",
    "Sitting",
    "Sittings",
    "Task",
    "TaskSet",
    "balanced_design",
    "begin_sitting",
    "behaviour",
    "cluster_labels",
    "export_sittings",
    "fingerprint",
    "fleiss_kappa",
    "merge_rare",
    "open_sitting",
    "published_set",
    "read_key",
    "read_results",
    "read_sessions",
    "read_sittings",
    "read_tasks",
    "score",
    "serve",
    "simulated_session",
    "write_key",
    "write_media",
    "write_results",
    "write_tasks",
]
