"""What is asked of workers next."""

from __future__ import annotations

from benchmark.sweeping.queue import Queue, Task


def test_a_device_trains_one_stack_at_a_time_and_runs_one_by_one_share_devices():
    queue = Queue([("a", "b"), ("c",), ("d", "e"), ("f", "g"), ("h",)], ["x", "y"], trainers=2)
    begun = [queue.next() for _ in range(5)]
    first, second = begun[:2]
    assert begun[:2] == [Task(("a", "b"), "x"), Task(("d", "e"), "y")]
    assert begun[2:] == [Task(("c",), "x"), Task(("h",), "y"), None]
    queue.ended(begun[2])
    assert queue.next() is None
    queue.ended(second)
    queue.add(("d",))
    assert queue.next() == Task(("f", "g"), "y")  # what is to be measured waits no longer for that
    assert queue.next() == Task(("d",), "x")
    assert not queue
    queue.ended(first)
    assert queue.next() is None
    queue.add(("i", "j"))
    queue.add(("k",))
    assert queue.emptied() == ["i", "j", "k"]
    assert not queue


def test_where_there_is_no_gpu_all_workers_may_train():
    queue = Queue([("a", "b"), ("c", "d"), ("e", "f")], ["cpu"], trainers=2)
    assert [queue.next() for _ in range(3)] == [Task(("a", "b"), "cpu"), Task(("c", "d"), "cpu"), None]
