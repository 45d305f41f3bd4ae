"""One demo run from the data to the report."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from insurance_data.dataset import Dataset
from insurance_data.replay import InferenceReplayer, ReplaySettings
from local_stack.demo.accounting import (
    complaints,
    event_counts,
    request_counts,
    switch_differences,
    window_differences,
)
from local_stack.demo.accuracy import accuracy_by_month, reading
from local_stack.demo.driver import GROUP, Driver, Story
from local_stack.demo.live import LiveView
from local_stack.demo.options import DemoOptions
from local_stack.demo.report import write_report
from local_stack.demo.retraining import RetrainingPolicy
from local_stack.demo.state import Books, StackReader
from local_stack.demo.summary import Summary, build_summary, print_summary
from local_stack.demo.workshop import FIRST_BUNDLE, Workshop
from local_stack.stack.commands import RunFolder
from local_stack.stack.ports import require_free_ports
from local_stack.stack.runner import Stack
from local_stack.stack.settings import StackSettings

GIVE_UP_AFTER = 50
"""Failed requests in a row after which the rest of the replay would say nothing new."""


class Demo:
    """A run of the demo.

    Args:
        settings: the stack's settings.
        run: the run's folder; what an earlier run left there is removed.
        options: what was asked for.
        console: where to write.
    """

    def __init__(self, settings: StackSettings, run: RunFolder, options: DemoOptions, console: Console) -> None:
        self._settings = settings
        self._run = run
        self._options = options
        self._console = console
        self._workshop = Workshop(run, options.seed)

    async def play(self) -> Summary:
        """Prepare, replay, check, report.

        Returns:
            The summary; it names what is not sound in `problems`.

        Raises:
            StackError: the run could not be carried out.
        """
        require_free_ports(self._settings)  # before any work: a port in use should not cost a minute
        shutil.rmtree(self._run.path, ignore_errors=True)
        data = await self._prepare()
        dataset = Dataset.open(data)
        started = time.monotonic()
        story, books, windows, breaker = await self._replay(dataset)
        seconds = time.monotonic() - started
        summary = await self._sum_up(
            dataset=dataset, story=story, books=books, windows=windows, breaker=breaker, seconds=seconds
        )
        write_report(self._options.report_file, summary, story, windows)
        if self._options.json_file is not None:
            text = json.dumps(summary.as_json(), indent=2)
            self._options.json_file.write_text(text + "\n", encoding="utf-8")
        print_summary(self._console, summary, str(self._options.report_file))
        return summary

    async def _prepare(self) -> Path:
        if self._options.data is None:
            self._say(f"generating {self._options.months} months of data (seed {self._options.seed}) ...")
            data = await self._workshop.generate(
                self._options.months, self._options.variant, self._options.abrupt_month
            )
        else:
            data = self._options.data
        self._say("training the model on the historic rows ...")
        await self._workshop.train_first(data)
        return data

    async def _replay(self, dataset: Dataset) -> tuple[Story, Books, list[dict[str, Any]], dict[str, Any]]:
        """Start the stack, send all months, read the books, stop the stack."""
        options, settings = self._options, self._settings
        policy = RetrainingPolicy(options.label_delay, options.retrain_months) if options.retrain else None
        months = dataset.months()
        self._say("starting the stack ...")
        async with Stack(settings, self._run, record=True, fast=options.fast) as stack:
            self._say(
                f"up: front door {settings.url('front')}, report page of the detector {settings.url('detector')}/, "
                f"breaker {settings.url('operator')}/status"
            )
            reader = StackReader(stack)
            with LiveView(self._console, len(months)) as view:
                replay = ReplaySettings(
                    rows_per_request=options.rows_per_request,
                    rows_per_second=options.rate,
                    concurrency=options.concurrency,
                    max_consecutive_failures=GIVE_UP_AFTER,
                )
                async with InferenceReplayer(settings.url("front"), settings.model, replay) as replayer:
                    driver = Driver(
                        stack=stack,
                        workshop=self._workshop,
                        replayer=replayer,
                        policy=policy,
                        on_segment=view.segment,
                        on_news=view.news,
                    )

                    async def send_all() -> None:
                        for month in months:
                            await driver.month(
                                month, dataset.read_month(month), dataset.directory, last=month == months[-1]
                            )

                    before = await reader.quiet_books()
                    await stack.guard(send_all())
                    books = (await reader.quiet_books()).minus(before)
            windows = await reader.history()
            breaker = await reader.breaker()
        return driver.story, books, windows, breaker

    async def _sum_up(
        self,
        *,
        dataset: Dataset,
        story: Story,
        books: Books,
        windows: list[dict[str, Any]],
        breaker: dict[str, Any],
        seconds: float,
    ) -> Summary:
        self._say("checking: replaying the recorded events and evidence offline, scoring the alternatives ...")
        bundles = [FIRST_BUNDLE, *(one.bundle for one in story.retrainings if one.passed)]
        replayed_windows = await self._workshop.replay_events()
        same_decisions, replayed_switches = await self._workshop.replay_evidence()
        scores = pd.read_csv(await self._workshop.score(dataset.directory, bundles))
        labels = pd.concat([dataset.read_month(month)[GROUP] for month in dataset.months()], ignore_index=True)
        served = pd.Series(story.served, dtype=object)
        in_use = {one.month: one.bundle for one in story.retrainings if one.passed}
        accuracy = accuracy_by_month(scores, labels, served, in_use)
        traffic = story.traffic()
        window_complaints = window_differences(windows, replayed_windows)
        switch_complaints = switch_differences(breaker["switches"], replayed_switches)
        if not same_decisions:
            switch_complaints.append(
                "the recorded evidence does not give the recorded decisions: see the workshop's log"
            )
        return build_summary(
            data=str(dataset.directory),
            story=story,
            requests=request_counts(traffic, books, self._settings.model, self._settings.rules),
            events=event_counts(books),
            accuracy=accuracy,
            reading=reading(accuracy, rules_share_by_month(story)),
            replayed={"verdicts": not window_complaints, "decisions": not switch_complaints},
            problems=[*complaints(traffic, books), *window_complaints, *switch_complaints],
            replay_seconds=seconds,
        )

    def _say(self, sentence: str) -> None:
        self._console.print(sentence, highlight=False, soft_wrap=True)


def rules_share_by_month(story: Story) -> dict[int, float]:
    """The share of each month's rows that were answered by rules, from 0 to 1."""
    rows: dict[int, int] = {}
    by_rules: dict[int, float] = {}
    for segment in story.segments:
        rows[segment.month] = rows.get(segment.month, 0) + segment.rows
        by_rules[segment.month] = by_rules.get(segment.month, 0.0) + segment.rules_share * segment.rows
    return {month: by_rules[month] / rows[month] for month in rows}
