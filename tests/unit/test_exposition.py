"""The text format as Prometheus' own reader understands it."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chalicelib import exposition
from chalicelib.exposition import counter, gauge, histogram

ODD = 'a "quoted" \\ one\nof two lines, {with} = signs'


def read(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return each sample's value by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_counters_and_gauges_are_read_as_they_were_meant() -> None:
    text = exposition.text(
        [
            counter("t_jobs_total", "Jobs.", {"": 3}),
            counter("t_ends_total", "Ends.", {"failed": 1, "succeeded": 2}, "state"),
            gauge("t_age_seconds", "Age.", {"": 0.25}),
        ]
    )

    assert read(text) == {
        ("t_jobs_total", ()): 3,
        ("t_ends_total", (("state", "failed"),)): 1,
        ("t_ends_total", (("state", "succeeded"),)): 2,
        ("t_age_seconds", ()): 0.25,
    }


def test_buckets_hold_all_that_is_no_longer_than_their_bound() -> None:
    text = exposition.text(
        [histogram("t_run_seconds", "Runs.", (0.05, 1, 3600), (2, 0, 1, 4), 9.5)]
    )

    assert text.splitlines() == [
        "# HELP t_run_seconds Runs.",
        "# TYPE t_run_seconds histogram",
        't_run_seconds_bucket{le="0.05"} 2',
        't_run_seconds_bucket{le="1"} 2',
        't_run_seconds_bucket{le="3600"} 3',
        't_run_seconds_bucket{le="+Inf"} 7',
        "t_run_seconds_sum 9.5",
        "t_run_seconds_count 7",
    ]
    (family,) = text_string_to_metric_families(text)
    assert family.type == "histogram"


def test_whatever_a_label_and_a_help_hold_is_read_back() -> None:
    text = exposition.text([gauge("t_odd", ODD, {ODD: 1}, "what")])

    (family,) = text_string_to_metric_families(text)
    assert family.documentation == ODD
    assert family.samples[0].labels == {"what": ODD}


def test_family_without_a_sample_is_told_all_the_same() -> None:
    assert exposition.text([counter("t_refusals_total", "Refusals.", {}, "code")]) == (
        "# HELP t_refusals_total Refusals.\n# TYPE t_refusals_total counter\n"
    )


def test_counts_that_do_not_fit_their_bounds_are_noticed() -> None:
    with pytest.raises(ValueError, match="shorter"):
        histogram("t_run_seconds", "Runs.", (1, 2), (1, 1), 1)
