"""The benchmark suite behind `bench/run.py`; see bench/README.md.

`jobs` says what is measured, `timing` how sides take turns, `ours` runs our
tools, `child` holds one peer in a process of its own, `machine` and `sizes`
write down where, `tables` makes Markdown of the results. All but the peers'
files need the standard library alone.
"""
