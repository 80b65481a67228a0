"""A worker whose engine and trainers have a bug.

python -m tests.support.buggy_worker CONFIG
"""

from __future__ import annotations

import sys
from pathlib import Path

from prometheus_client import CollectorRegistry

from models.config.loader import load_config
from streams.app import Worker
from streams.cli.worker import run
from streams.logs import set_up_logging
from streams.settings import load_settings
from streams.topics import topics_of
from tests.support.poison import BuggyEngine, BuggyTrainer


def main() -> None:
    """Run a worker as ``penchant worker`` does, with what has the bug."""
    settings = load_settings()
    set_up_logging(settings)
    config = load_config(Path(sys.argv[1]).read_text(), sys.argv[1])
    engine = BuggyEngine(config, topics_of(settings).events)
    run(Worker(config, settings, CollectorRegistry(), engine, BuggyTrainer).app)


if __name__ == "__main__":
    main()
