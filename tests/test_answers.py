"""What the engine asks of Python is answered: at once, by the right thread, without a deadlock at any end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests import scripts

PREAMBLE = """
    import asyncio, ctypes, gc, json, sys, threading, time
    from ctypes import byref
    import numpy as np
    import cogweave as cw
    from cogweave import _ffi, _lib, _loop, _pixels, _ports

    def request(count, answerer, **more):
        def submit(lib, queue, op, error):
            return lib.cw_probe_ask(ctypes.c_uint64(queue), ctypes.c_int64(count), op, error)
        def finish(op):
            return int(_pixels.take(op, None, np.dtype("uint8")).tobytes())
        return _ports.Request(submit, finish, answerers={"probe": answerer}, **more)

    def told(**values):
        print(json.dumps(values))
"""


def run(probe: Path, script: str) -> Any:
    done = scripts.run(PREAMBLE + script, env={"COGWEAVE_LIBRARY": str(probe)}, timeout=30)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return json.loads(done.stdout)


def test_a_waiting_thread_answers_and_writes_into_blocks(probe: Path) -> None:
    """Question i brings four times i; the answer is i, and doubles what it brought."""
    got = run(
        probe,
        """
    threads, kept = set(), []
    def answer(question):
        threads.add(threading.get_ident())
        block, = question.blocks
        assert block.shape == (2, 2) and block.dtype == "int32" and (block == question.about).all()
        block *= 2
        kept.append(block)
        return question.about
    total = _loop.run(request(100, answer))
    told(total=total, own=threads == {threading.get_ident()}, kept=[int(b.sum()) for b in sorted(kept, key=np.sum)])
    """,
    )
    assert got["own"]
    assert got["total"] == 9 * sum(range(100))
    assert got["kept"] == [8 * i for i in range(100)]  # the arrays outlive the operation


def test_coroutines_of_a_waiting_thread_run_at_once_on_one_loop(probe: Path) -> None:
    got = run(
        probe,
        """
    loops, waiting = set(), 0
    async def answer(question):
        global waiting
        loops.add(id(asyncio.get_running_loop()))
        waiting += 1
        while waiting < 20:
            await asyncio.sleep(0.001)
        return 0
    totals = [_loop.run(request(20, answer)) for _ in range(2)]
    async def cell():
        return _loop.run(request(20, answer))   # the plain form inside a running loop
    totals.append(asyncio.run(cell()))
    told(totals=totals, loops=len(loops))
    """,
    )
    assert got == {"totals": [4 * sum(range(20))] * 3, "loops": 1}


def test_awaited_answers_never_hold_up_the_loop(probe: Path) -> None:
    """A plain function runs in the executor, a coroutine on the loop; the caller's context is theirs."""
    got = run(
        probe,
        """
    import contextvars
    who = contextvars.ContextVar("who", default="nobody")
    seen = set()
    def plain(question):
        seen.add(("plain", threading.current_thread() is threading.main_thread(), who.get()))
        time.sleep(0.5)
        return 0
    async def coroutine(question):
        seen.add(("coroutine", threading.current_thread() is threading.main_thread(), who.get()))
        await asyncio.sleep(0.1)
        return 0
    async def main():
        who.set("caller")
        longest, last = 0, time.perf_counter()
        work = asyncio.gather(_loop.run_async(request(4, plain)), _loop.run_async(request(50, coroutine)))
        while not work.done():
            await asyncio.sleep(0.002)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
        return longest, await work
    longest, totals = asyncio.run(main())
    told(totals=totals, longest=longest, seen=sorted(seen))
    """,
    )
    assert got["totals"] == [4 * sum(range(4)), 4 * sum(range(50))]
    assert got["longest"] < 0.4
    assert got["seen"] == [["coroutine", True, "caller"], ["plain", False, "caller"]]


def test_the_callables_own_exception_is_raised(probe: Path) -> None:
    got = run(
        probe,
        """
    class Mine(Exception):
        pass
    mine = Mine("no key")
    def plain(question):
        raise mine
    async def coroutine(question):
        await asyncio.sleep(0.001)
        raise mine
    same = []
    for answerer in (plain, coroutine):
        for wait in (_loop.run, lambda r: asyncio.run(_loop.run_async(r))):
            try:
                wait(request(8, answerer))
            except Exception as problem:
                same.append(problem is mine)
    def unwritable(question):
        return object()
    try:
        _loop.run(request(1, unwritable))
    except TypeError as problem:
        same.append("JSON" in str(problem))
    told(same=same)
    """,
    )
    assert got == {"same": [True] * 5}


def test_cancelling_ends_waiting_answers(probe: Path) -> None:
    """The await ends at once; a coroutine that answers is cancelled, a function's answer is dropped."""
    got = run(
        probe,
        """
    begun, ended = [], []
    release = threading.Event()
    async def coroutine(question):
        begun.append(question.about)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
    def plain(question):
        begun.append(question.about)
        release.wait(20)
        ended.append("plain")
        return 0
    def until(condition):
        end = time.monotonic() + 15
        while not condition() and time.monotonic() < end:
            time.sleep(0.01)
    async def main():
        work = [asyncio.ensure_future(_loop.run_async(request(2, c))) for c in (coroutine, plain)]
        await asyncio.to_thread(until, lambda: len(begun) == 4)
        started = time.perf_counter()
        for w in work:
            w.cancel()
        results = await asyncio.gather(*work, return_exceptions=True)
        took = time.perf_counter() - started
        release.set()
        await asyncio.to_thread(until, lambda: len(ended) == 4)
        return took, [type(r).__name__ for r in results]
    took, results = asyncio.run(main())
    def cancel():
        until(lambda: len(begun) == 7)
        cw.cancel_all()
    threading.Thread(target=cancel).start()
    try:
        _loop.run(request(3, coroutine))
    except cw.Cancelled:
        results.append("Cancelled")
    until(lambda: len(ended) == 7)
    gc.collect()
    until(lambda: not cw.stats()["memory"])
    told(took=took, results=results, ended=sorted(ended), left=cw.stats()["memory"])
    """,
    )
    assert got["took"] < 1
    assert got["results"] == ["CancelledError", "CancelledError", "Cancelled"]
    assert got["ended"] == ["cancelled"] * 5 + ["plain"] * 2
    assert got["left"] == 0


def test_an_answer_may_wait_for_operations_of_its_own(probe: Path) -> None:
    """Nested waits on one thread answer what is left of the outer operation."""
    got = run(
        probe,
        """
    order = []
    def inner(question):
        return 0
    def outer(question):
        order.append(question.about)
        return _loop.run(request(3, inner))
    told(total=_loop.run(request(5, outer)), asked=sorted(order))
    """,
    )
    assert got == {"total": 4 * sum(range(5)) + 5 * 12, "asked": [0, 1, 2, 3, 4]}


@pytest.mark.parametrize("kind", ["plain", "coroutine", "awaited"])
def test_the_process_ends_while_questions_wait(probe: Path, kind: str) -> None:
    got = run(
        probe,
        f"""
    kind = {kind!r}
    def plain(question):
        time.sleep(60)
    async def coroutine(question):
        await asyncio.sleep(60)
    def work():
        if kind == "awaited":
            asyncio.run(_loop.run_async(request(4, coroutine)))
        else:
            _loop.run(request(4, plain if kind == "plain" else coroutine))
    threading.Thread(target=work, daemon=True).start()
    time.sleep(0.3)
    told(ending=True)
    """,
    )
    assert got == {"ending": True}


def test_ctrl_c_in_a_callable_reaches_the_caller(probe: Path) -> None:
    got = run(
        probe,
        """
    import os, signal
    def answer(question):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(20)
    started = time.perf_counter()
    try:
        _loop.run(request(2, answer))
    except KeyboardInterrupt:
        interrupted = True
    took = time.perf_counter() - started
    after = _loop.run(request(2, lambda question: 0))
    told(interrupted=interrupted, quick=took < 2, after=after)
    """,
    )
    assert got == {"interrupted": True, "quick": True, "after": 4}


def test_a_question_that_nobody_answers_is_an_error(probe: Path) -> None:
    got = run(
        probe,
        """
    import dataclasses
    try:
        _loop.run(dataclasses.replace(request(1, None), answerers={}))
    except cw.CogweaveError as problem:
        told(text=str(problem))
    """,
    )
    assert "'probe'" in got["text"]


def test_an_answer_that_something_else_cancels_ends_the_operation(probe: Path) -> None:
    """As where several wait for one task that fetches a token, and it is cancelled with the first of them."""
    got = run(
        probe,
        """
    async def answer(question):
        shared = asyncio.ensure_future(asyncio.sleep(60))
        shared.cancel()
        await shared
    def ended(call):
        try:
            call()
        except cw.Cancelled as problem:
            return str(problem)
    told(
        waited=ended(lambda: _loop.run(request(1, answer))),
        awaited=ended(lambda: asyncio.run(_loop.run_async(request(1, answer)))),
    )
    """,
    )
    assert "awaited was cancelled" in got["waited"]
    assert got["awaited"] == got["waited"]


def test_work_is_done_while_the_operation_runs(probe: Path) -> None:
    """By the waiting thread before it answers anything; for a loop beside it; what it raises ends the operation."""
    got = run(
        probe,
        """
    order = []
    def answer(question):
        order.append("answer")
        return question.about
    def work():
        order.append(threading.current_thread() is threading.main_thread())
    def broken():
        raise RuntimeError("no")
    _loop.run(request(1, answer, meanwhile=work))
    asyncio.run(_loop.run_async(request(0, answer, meanwhile=work)))
    problems = []
    for call in (_loop.run, lambda r: asyncio.run(_loop.run_async(r))):
        try:
            call(request(1, answer, meanwhile=broken))
        except RuntimeError as problem:
            problems.append(str(problem))
    told(order=order[:3], problems=problems)
    """,
    )
    assert got == {"order": [True, "answer", False], "problems": ["no", "no"]}
