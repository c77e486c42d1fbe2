"""Results as Markdown: a summary with ratios, then every row of every job."""

OURS = "ours"


def number(value, metric):
    if metric == "peak_mb":
        return f"{value:.0f} MB"
    return f"{value:.1f} s" if value >= 100 else f"{value:.3g} s" if value >= 1 else f"{value * 1e3:.3g} ms"


def best_peer(result, of="median"):
    """The quickest (or smallest) row of a peer that is no control, or None."""
    rows = {name: row for name, row in result["rows"].items()
            if name != OURS and of in row and not row.get("control")}
    return min(rows, key=lambda name: rows[name][of], default=None)


def ratio(result, name, of="median"):
    """How many times ours the row of `name` took."""
    ours = result["rows"].get(OURS, {}).get(of)
    other = result["rows"].get(name, {}).get(of)
    return other / ours if ours and other else None


def line(*cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def summary(results):
    rows = [line("job", "ours", "best peer", "ratio", "of least times", "at least", "control row"),
            line(*["---"] * 7)]
    for result in results:
        ours, metric = result["rows"].get(OURS, {}), result["metric"]
        mine = number(ours["median"], metric) if "median" in ours else ours.get("error", "not run")
        best = best_peer(result)
        times = ratio(result, best) if best else None
        theirs = f"{best}: {number(result['rows'][best]['median'], metric)}" if best else "none"
        controls = [f"{name}: {ratio(result, name):.2f}" for name, row in result["rows"].items()
                    if row.get("control") and ratio(result, name)]
        quickest = best_peer(result, "least")
        least = ratio(result, quickest, "least") if quickest else None
        rows.append(line(result["title"], mine, theirs, f"{times:.2f}" if times else "",
                         f"{least:.2f}" if least else "", result.get("bar") or "",
                         "; ".join(controls)))
    return "\n".join(rows)


def details(results):
    rows = [line("job", "side", "median", "low to high", "least", "pictures/s", "to ours", "others' CPU", "remark"),
            line(*["---"] * 9)]
    for result in results:
        metric = result["metric"]
        for name, row in result["rows"].items():
            if "error" in row:
                rows.append(line(result["title"], name, "", "", "", "", "", "", row["error"].replace("|", "/")))
                continue
            times = ratio(result, name)
            rate = f"{result['pictures'] / row['median']:.3g}" if metric == "seconds" and result["pictures"] > 1 else ""
            rows.append(line(result["title"], name, number(row["median"], metric),
                             f"{number(row['low'], metric)} to {number(row['high'], metric)}",
                             number(row["least"], metric), rate, f"{times:.2f}" if times else "",
                             f"{row['others_cpu']:.0%}", row.get("note", "")))
    return "\n".join(rows)


def quickest(result, name, of):
    """(a peer that is no control, its time) for one layer."""
    times = {peer: row["layers"][name][of] for peer, row in result["rows"].items()
             if not peer.startswith(OURS) and "layers" in row and not row.get("control")}
    best = min(times, key=times.get, default=None)
    return best, times.get(best)


def layers(result, counts):
    """Every layer against its own best peer, and their sums; {name: how many}."""
    mine = result["rows"].get(OURS, {}).get("layers")
    if not mine or not quickest(result, next(iter(counts)), "least")[0]:
        return ""
    rows = [line("layer", "in the network", "ours, least", "best peer", "ratio", "of medians"), line(*["---"] * 6)]
    sums = {of: [0.0, 0.0] for of in ("least", "median")}
    for name, count in counts.items():
        (best, least), (_, median) = quickest(result, name, "least"), quickest(result, name, "median")
        for of, theirs in (("least", least), ("median", median)):
            sums[of][0] += count * mine[name][of]
            sums[of][1] += count * theirs
        rows.append(line(name, count, number(mine[name]["least"], "seconds"), f"{best}: {number(least, 'seconds')}",
                         f"{least / mine[name]['least']:.2f}", f"{median / mine[name]['median']:.2f}"))
    (ours, theirs), (middle, others) = sums["least"], sums["median"]
    rows.append(line("sum", sum(counts.values()), number(ours, "seconds"), number(theirs, "seconds"),
                     f"{theirs / ours:.2f}", f"{others / middle:.2f}"))
    return result["title"] + ":\n\n" + "\n".join(rows)


def sizes(rows):
    lines = [line("what", "size", "besides, for GPUs alone"), line(*["---"] * 3)]
    for name, row in rows.items():
        size = f"{row['megabytes']} MB" if "megabytes" in row else row["error"]
        lines.append(line(name, size, f"{row['for_gpus']} MB" if row.get("for_gpus") else ""))
    return "\n".join(lines)


def machine(facts):
    cache = ", ".join(f"{name} {size}" for name, size in facts["caches"].items())
    loads = [facts[when] for when in ("load_before", "load_after") if when in facts]
    return (f"{facts['date']}: {facts['cpu']}, {facts['isa']}, {facts['processors']} processors, {cache}, "
            f"{facts['memory_gb']} GB; load " + ", ".join(f"{numbers[0]:.1f}" for numbers in loads)
            + (" (before, after)" if len(loads) == 2 else ""))


def markdown(report):
    versions = ", ".join(f"{name} {version}" for name, version in sorted(report["versions"].items()))
    parts = [machine(report["machine"]) + f"; {report['threads']} threads, {report['rounds']} rounds.",
             versions, summary(report["jobs"]), details(report["jobs"])]
    parts += [layers(result, result["counts"]) for result in report["jobs"] if "counts" in result]
    if report.get("sizes"):
        parts.append(sizes(report["sizes"]))
    if report["not_installed"]:
        parts.append("Not installed, so not measured: " + ", ".join(report["not_installed"]) + ".")
    return "\n\n".join(part for part in parts if part) + "\n"
