"""``penchant worker``: the Faust worker."""

from __future__ import annotations

import logging
import os

import click
import faust

from streams.admin import require_group, require_worker_topics
from streams.app import build_app
from streams.cli.common import (
    CONFIG,
    folder_of,
    read_config,
    reports_errors,
    with_settings,
)
from streams.cli.usage import examples
from streams.collector import calm_collector
from streams.ending import end_in_time
from streams.logs import set_up_logging
from streams.settings import load_settings, misspelt
from streams.web import require_port

logger = logging.getLogger("penchant")

PROMISES = {
    "exactly_once": "exactly once: every run is one Kafka transaction",
    "at_least_once": "at least once, in order: duplicates can be told by their ids, and a worker "
    "that wakes after its session is not kept from writing",
}


@click.command(
    "worker",
    epilog=examples(
        "PENCHANT_BROKERS=kafka:9092 penchant worker goals.yaml",
    ),
)
@CONFIG
@click.option("--web-port", type=int, help="Port of /metrics and health; PENCHANT_WEB_PORT")
@with_settings
@reports_errors
def command(config: str, web_port: int | None, brokers: str | None, prefix: str | None) -> None:
    """Run a worker for CONFIG until it is told to stop.

    Start as many as there are cores, up to the partitions; they share the work. Trainers have a
    process of their own beside a worker, which ends with it.
    """
    questions = read_config(config)
    settings = load_settings(brokers=brokers, prefix=prefix, web_port=web_port)
    set_up_logging(settings)
    for name, meant in misspelt(os.environ).items():
        logger.warning("%s is no setting: is %s meant?", name, meant)
    folder_of(str(settings.data_dir))
    settings = require_port(settings)
    require_worker_topics(settings)
    require_group(settings)
    app = build_app(questions, settings)
    about = {
        "goals": len(questions.goals),
        "config": config,
        "brokers": settings.brokers,
        "prefix": settings.prefix,
        "metrics": f"http://{settings.web_host}:{settings.web_port}/metrics",
    }
    logger.info("worker starts", extra=about)
    logger.info("guarantee: %s", PROMISES[settings.guarantee])
    run(app)


def run(app: faust.App) -> None:
    """Run a worker's app in this process; exits 1 if it crashed."""
    calm_collector()
    end_in_time(app)
    worker = faust.Worker(app, quiet=True, redirect_stdouts=False, override_logging=False)
    worker.spinner = None  # it writes to a log as if that were a terminal
    worker.execute_from_commandline()
