"""How far a batch is: never less than before, unless work was lost."""

from clipmatrix.batch.watching import Standing, Watch


def test_a_running_job_never_goes_back() -> None:
    seen: list[Standing] = []
    watch = Watch(lambda name: False, ["a", "b"], seen.append)
    for share in (0.1, 0.4, 0.2, 0.5):
        watch.hear("a", "running", share)
    assert [standing.shares for standing in seen] == [0.1, 0.4, 0.4, 0.5]
    watch.hear("a", "failed", 0.0)
    assert seen[-1] == Standing(0, 0.0, 1, 2)
    watch.hear("a", "running", 0.1)
    assert seen[-1] == Standing(0, 0.1, 0, 2)
    watch.hear("a", "done", 1.0)
    assert seen[-1] == Standing(1, 0.0, 0, 2)
    watch.hear("c", "done", 1.0)
    assert seen[-1] == Standing(1, 0.0, 0, 2)


def test_what_others_have_done_is_seen() -> None:
    seen: list[Standing] = []
    watch = Watch(lambda name: name == "b", ["a", "b"], seen.append)
    watch.look()
    assert seen == [Standing(1, 0.0, 0, 2)]
    assert watch.standing().progress == 1.0
