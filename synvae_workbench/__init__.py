"""The workbench: data, training, evaluation, figures, live pages, reports and batches of runs."""
