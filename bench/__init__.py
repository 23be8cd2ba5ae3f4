"""The benchmarks: each measures us and a named reference in the same run, and prints the ratio.

`python -m bench [NAME...] [--quick]`; README.md has what was measured here.

    line, llm            studies a second through the whole stack, against the bare loop (`loop`)
    polls                status polls a second, against a route that returns a constant (`constant`)
    memory               the API's memory after many studies, against after few
    microbatch, decode   two parts of the worker, against the same work done bare

What they stand on: `measure` (rounds and ratios), `results` (tables and JSON), `stack` (the real parts),
`wire` (a cheap HTTP client), `originals` (radiographs, no two alike), `loop` (the bare loop).
"""
