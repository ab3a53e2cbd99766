"""``python -m maze_tasks.cli``: the same as ``maze``."""

from maze_tasks.cli import main

main()
