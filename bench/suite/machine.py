"""Facts about the machine, from /proc and /sys: what it is, how busy it was."""
import os
import platform
import time

LEVELS = (("x86-64-v4", ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl")),
          ("x86-64-v3", ("avx2", "fma", "bmi2")), ("x86-64", ()))
NOTED = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "avx_vnni")


def read(path, default=""):
    try:
        with open(path) as f:
            return f.read()
    except OSError:
        return default


def table(text):
    """`name : value` lines, the first of each name."""
    rows = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            rows.setdefault(name.strip(), value.strip())
    return rows


def isa(flags):
    return next(name for name, needed in LEVELS if all(flag in flags for flag in needed))


def caches():
    found, index = {}, 0
    while os.path.isdir(folder := f"/sys/devices/system/cpu/cpu0/cache/index{index}"):
        if read(f"{folder}/type").strip() != "Instruction":
            found["L" + read(f"{folder}/level").strip()] = read(f"{folder}/size").strip()
        index += 1
    return found


def load():
    return [float(x) for x in read("/proc/loadavg", "0 0 0").split()[:3]]


def facts():
    cpu, memory = table(read("/proc/cpuinfo")), table(read("/proc/meminfo"))
    flags = cpu.get("flags", "").split()
    gigabytes = {name: round(int(memory[name].split()[0]) / 2**20, 1) for name in ("MemTotal", "MemAvailable")
                 if name in memory}
    return {"date": time.strftime("%Y-%m-%d"), "cpu": cpu.get("model name", platform.processor()), "isa": isa(flags),
            "features": [flag for flag in NOTED if flag in flags], "processors": len(os.sched_getaffinity(0)),
            "caches": caches(), "memory_gb": gigabytes.get("MemTotal"), "available_gb": gigabytes.get("MemAvailable"),
            "kernel": platform.release(), "python": platform.python_version(), "load_before": load()}
