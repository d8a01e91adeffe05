"""Load on `emsearch serve`: many uploads at once, many queries, strangers, and memory before and after.

    python tests/benchmarks/bench_serve.py --uploads 50 --queries 1000

Starts a page of its own on a free port.
"""

import argparse
import asyncio
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
STRANGE = (
    *(
        ("GET", path)
        for path in ("/", "/groups", "/map", "/sql", "/sql?question=rods", "/explanations/x", "/searches/x")
    ),
    *(
        ("GET", f"/api/{name}")
        for name in ("index", "groups", "map", "questions", "explanations/x", "searches/x")
    ),
    *(("POST", path) for path in ("/searches", "/searches/x/1/explanations", "/api/searches", "/api/sql")),
    *(("DELETE", f"/api/{name}/x") for name in ("searches", "explanations")),
)


def main() -> None:
    """Run what is asked for and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--image", type=Path, default=ROOT / "examples/groel.png")
    parser.add_argument("--pixel-size", type=float, default=3.75)
    parser.add_argument("--uploads", type=int, default=50, help="sent at the same time")
    parser.add_argument("--queries", type=int, default=1000, help="one after another by each client")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument(
        "--rerank",
        type=int,
        nargs="+",
        default=[150],
        help="groups compared at most; of several, each in turn",
    )
    options = parser.parse_args()
    page = subprocess.Popen(
        [sys.executable, "-m", "emsearch_cli", "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert page.stdout is not None and page.stderr is not None
        address, token = page.stdout.readline().strip().split("/?token=")
        started = time.perf_counter()
        while page.stderr.readline().strip() != "ready":
            assert page.poll() is None, "the page did not start"
        print(f"loaded and warmed in {time.perf_counter() - started:.1f} s")
        asyncio.run(load(address, token, page.pid, options))
    finally:
        page.send_signal(signal.SIGINT)
        print(f"exit code {page.wait(60)}")


async def load(address: str, token: str, pid: int, options: argparse.Namespace) -> None:
    """Measure one page under load."""
    fields = {"pixel_size_angstrom": str(options.pixel_size), "rerank": str(options.rerank[0])}
    content = options.image.read_bytes()
    async with httpx.AsyncClient(
        base_url=address,
        headers={"authorization": f"Bearer {token}"},
        timeout=600,
        limits=httpx.Limits(max_connections=100),
    ) as client:

        async def search(wait: int, rerank: int) -> httpx.Response:
            files = {"image": (options.image.name, content)}
            data = {**fields, "rerank": str(rerank)}
            return await client.post(f"/api/searches?wait={wait}", files=files, data=data)

        first = time.perf_counter()
        sent = await client.post("/searches", files={"image": (options.image.name, content)}, data=fields)
        answer = await client.get(sent.headers["location"])
        while "refresh" in answer.headers:  # it waits
            answer = await client.get(sent.headers["location"])
        assert 'table class="hits"' in answer.text, f"no answer: {answer.status_code}"
        print(f"first hit on the page after {time.perf_counter() - first:.2f} s")
        await weigh(client, answer.text)
        print(f"memory before {resident_mib(pid):.0f} MiB")

        async def timed() -> tuple[int, float]:
            begun = time.perf_counter()
            return (await search(0, options.rerank[0])).status_code, time.perf_counter() - begun

        uploads = await asyncio.gather(*(timed() for _ in range(options.uploads)))
        say("uploads at once", [status for status, _ in uploads], [seconds for _, seconds in uploads])
        statuses: dict[int, list[int]] = {rerank: [] for rerank in options.rerank}
        seconds: dict[int, list[float]] = {rerank: [] for rerank in options.rerank}
        left = iter(range(options.queries))

        async def client_of_many() -> None:
            for number in left:
                rerank = options.rerank[number % len(options.rerank)]
                begun = time.perf_counter()
                while (response := await search(60, rerank)).status_code == 503:
                    statuses[rerank].append(503)
                    await asyncio.sleep(int(response.headers["retry-after"]))
                    begun = time.perf_counter()
                done = response.status_code == 202 and response.json()["state"] == "done"
                statuses[rerank].append(200 if done else response.status_code)
                seconds[rerank].append(time.perf_counter() - begun)
                answered = sum(map(len, seconds.values()))
                if answered % 50 == 0:
                    print(f"  {answered} queries, memory {resident_mib(pid):.0f} MiB", flush=True)

        await asyncio.gather(*(client_of_many() for _ in range(options.clients)))
        for rerank in options.rerank:
            what = f"queries by {options.clients} clients, {rerank} groups compared at most"
            say(what, statuses[rerank], seconds[rerank])
        print(f"memory after {resident_mib(pid):.0f} MiB")
        foreign = [
            (await client.request(method, path, headers=headers)).status_code
            for headers in ({"host": "evil.example"}, {"origin": "http://evil.example"}, {"origin": "null"})
            for method, path in STRANGE
        ]
        say("foreign Host and Origin", foreign, [])


async def weigh(client: httpx.AsyncClient, text: str) -> None:
    """Print how many bytes a page and what it loads have."""
    text = re.sub(r"<a [^>]*data-show[^>]*>", "", text)  # models that are fetched when they are asked for
    kinds = Counter({"page": len(text.encode())})
    for path in set(re.findall(r'(?:src|href|data-model)="(/[^"]+\.(?:css|js|svg|png|cif))"', text)):
        kinds[Path(path).suffix] += len((await client.get(path)).content)
    print("page weight in kB:", ", ".join(f"{kind} {size / 1000:.0f}" for kind, size in kinds.items()))


def resident_mib(pid: int) -> float:
    """Return the memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def say(what: str, statuses: list[int], seconds: list[float]) -> None:
    """Print how often each status came, and the median and the 95th percentile of the times."""
    counts = ", ".join(f"{count} x {status}" for status, count in sorted(Counter(statuses).items()))
    times = ""
    if len(seconds) > 1:
        times = (
            f"; p50 {statistics.median(seconds):.2f} s, p95 {statistics.quantiles(seconds, n=20)[-1]:.2f} s"
        )
    print(f"{what}: {counts}{times}", flush=True)


if __name__ == "__main__":
    main()
