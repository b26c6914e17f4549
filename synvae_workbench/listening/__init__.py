"""Listening tests: designs, files, sittings of listeners, and scores."""

from synvae_workbench.listening.design import Design, DesignSize, Key, balanced_design
from synvae_workbench.listening.files import (
    read_key,
    read_results,
    read_served,
    read_sessions,
    read_tasks,
    write_key,
    write_media,
    write_results,
    write_tasks,
)
from synvae_workbench.listening.materials import Materials, fingerprint, load_materials
from synvae_workbench.listening.scoring import (
    Scores,
    Session,
    Share,
    fleiss_kappa,
    score,
    simulate_session,
)
from synvae_workbench.listening.sitting import (
    Answer,
    Sitting,
    SittingFolder,
    begin_sitting,
    behaviour,
    export_sittings,
    open_sitting,
    read_sittings,
)
from synvae_workbench.listening.syneval import (
    cluster_labels,
    farthest_trio,
    merge_rare,
    syneval_set,
)
from synvae_workbench.listening.tasks import Task, TaskSet

__all__ = [
    "Answer",
    "Design",
    "DesignSize",
    "Key",
    "Materials",
    "Scores",
    "Session",
    "Share",
    "Sitting",
    "SittingFolder",
    "Task",
    "TaskSet",
    "balanced_design",
    "begin_sitting",
    "behaviour",
    "cluster_labels",
    "export_sittings",
    "farthest_trio",
    "fingerprint",
    "fleiss_kappa",
    "load_materials",
    "merge_rare",
    "open_sitting",
    "read_key",
    "read_results",
    "read_served",
    "read_sessions",
    "read_sittings",
    "read_tasks",
    "score",
    "simulate_session",
    "syneval_set",
    "write_key",
    "write_media",
    "write_results",
    "write_tasks",
]
