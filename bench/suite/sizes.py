"""What has to be installed to run a model: bytes of ours, of peers' wheels.

A peer's number is that of its packages and all that they require, as pip's
own records list their files, without extras. Parts for GPUs are told apart,
where a wheel is for them alone.
"""
import os
import re
import shutil
import subprocess
from importlib import metadata

ROOTS = {"keras": ("keras", "tensorflow-cpu"), "pytorch": ("torch", "torchvision"), "onnxruntime": ("onnxruntime",),
         "openvino": ("openvino",)}
GPU = ("nvidia", "cuda", "triton")


def required(distribution):
    """Names of what it requires here; a marker with `extra` never holds."""
    for line in distribution.requires or []:
        requirement, _, marker = line.partition(";")
        if "extra" in marker or "sys_platform == 'win32'" in marker or 'sys_platform == "win32"' in marker:
            continue
        yield re.match(r"[A-Za-z0-9._-]+", requirement.strip()).group()


def closure(roots):
    """{package: MB} of the packages and what they require."""
    sizes, todo = {}, list(roots)
    while todo:
        name = re.sub(r"[-_.]+", "-", todo.pop()).lower()
        if name in sizes:
            continue
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        paths = {str(file.locate()) for file in distribution.files or []}
        sizes[name] = sum(os.path.getsize(path) for path in paths if os.path.exists(path)) / 1e6
        todo += required(distribution)
    return sizes


def peer(name):
    sizes = closure(ROOTS[name])
    gpu = sum(size for package, size in sizes.items() if package.startswith(GPU))
    if not sizes:
        return None
    return {"megabytes": round(sum(sizes.values()) - gpu, 1), "for_gpus": round(gpu, 1), "packages": len(sizes)}


def stripped(path, folder):
    copy = os.path.join(folder, "stripped")
    shutil.copy(path, copy)
    strip = shutil.which("strip")
    if strip:
        subprocess.run([strip, copy], check=True)
    return os.path.getsize(copy)


def all_sizes(tools, networks):
    rows = {"tlrun, stripped" if shutil.which("strip") else "tlrun": {
        "megabytes": round(stripped(tools.tlrun, tools.folder) / 1e6, 2)}}
    for network in networks:
        rows[f"model.bin of {network}, weights and code"] = {
            "megabytes": round(os.path.getsize(tools.extractor(network)) / 1e6, 2)}
    for name in ROOTS:
        rows[f"{name}, installed with what it requires"] = peer(name) or {"error": "not installed"}
    return rows
