"""Sources of a folder: the templates, filled in with a model's numbers."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from functools import cache
from math import prod
from pathlib import Path

from .. import kernels
from ..model.graph import Graph, Preprocessing
from ..runtime.info import kernel_info
from .calls_source import calls_source
from .plans import EmbeddedPlan

TEMPLATES = Path(__file__).parent / "templates"
OPS = Path(kernels.__file__).parent / "csrc/ops"

FILTERS = {  # (resample, whether results are rounded to 8 bits) -> lcnn_resample
    **{(name, True): f"LCNN_PILLOW_{name.upper()}" for name in ("nearest", "box", "bilinear", "hamming", "bicubic")},
    ("lanczos", True): "LCNN_PILLOW_LANCZOS",
    **{(name, False): f"LCNN_TF_{name.upper()}" for name in ("nearest", "bilinear", "bicubic", "area", "triangle")},
    **{(name, False): f"LCNN_TF_{name.upper()}" for name in ("keyscubic", "lanczos3", "lanczos5")},
}


class _Template(string.Template):
    delimiter = "@"


def sources_of(
    graph: Graph, name: str, plans: Sequence[EmbeddedPlan], places: Sequence[Sequence[int]], constant_bytes: int
) -> dict[str, str]:
    """Give the text of every source by its path. ``places``: the offsets of each plan's constants, in bytes."""
    fields = _fields(graph, name, plans) | {"bytes": f"{constant_bytes:,}"}
    prepares = graph.preprocessing is not None
    fields["prepare_declarations"] = filled("prepare.h", fields) if prepares else ""
    fields["prepare_functions"] = filled("prepare.c", fields) if prepares else ""
    fields["picture_functions"] = filled("picture.c", fields)
    files = {
        f"{name}.h": filled("model.h", fields),
        f"{name}.c": filled("model.c", fields),
        f"{name}_plan.h": filled("plan.h", fields),
        f"{name}_constants.c": filled("constants.c", fields),
        "example.c": filled("example.c" if prepares else "example_array.c", fields),
        "example.cpp": filled("example.cpp", fields),
        "CMakeLists.txt": filled("CMakeLists.txt", fields),
        "README.md": filled("README.md", fields),
    }
    for plan, offsets in zip(plans, places, strict=True):
        files[f"{name}_{plan.variant}.c"] = filled("variant.c", fields | _variant_fields(plan, offsets))
    return files


def filled(template: str, fields: Mapping[str, object]) -> str:
    """Give a template with its fields filled in; ``@@`` is the character itself."""
    return _Template((TEMPLATES / f"{template}.in").read_text(encoding="utf-8")).substitute(fields)


def _fields(graph: Graph, name: str, plans: Sequence[EmbeddedPlan]) -> dict[str, object]:
    height, width, channels = graph.input.shape
    labels = list(graph.labels or ())
    title = re.sub(r"[^ -~]|\*/|[\\?@$]", "_", graph.name)
    return {
        "name": name,
        "NAME": name.upper(),
        "title": title,
        "version": kernel_info()["lcnn"],
        "height": height,
        "width": width,
        "channels": channels,
        "output_shape": " x ".join(map(str, graph.output_shape)),
        "outputs": prod(graph.output_shape),
        "label_count": len(labels),
        "label_room": max(1, len(labels)),
        "labels": ", ".join(map(_quoted, labels)) or "NULL",
        "context_bytes": f"{max(4 * (plan.arena + plan.scratch) for plan in plans):,}",
        "isa_names": ", ".join(plan.variant for plan in plans),
        "with_variants": _with_variants(plans),
        "plan_declarations": "\n".join(f"extern const {name}_plan {name}_{plan.variant};" for plan in plans),
        "variant_files": " ".join(f"{name}_{plan.variant}.c" for plan in plans),
        "variant_flags": "\n".join(_variant_flags(name, plan) for plan in plans if plan.features),
        "commands": _commands(name, plans),
        "example_argument": "picture.ppm" if graph.preprocessing else "input.f32",
        **_preprocessing_fields(graph.preprocessing, graph.input.shape),
    }


def _quoted(text: str) -> str:
    """Write a string of C, of which any byte may be any: octal, which ends after three digits."""
    plain = {ord("\\"), ord('"'), ord("?")}
    encoded = text.encode()
    return '"' + "".join(chr(b) if 32 <= b < 127 and b not in plain else f"\\{b:03o}" for b in encoded) + '"'


def _with_variants(plans: Sequence[EmbeddedPlan]) -> str:
    """Say which rows of variants/list.inc.h there are: those for another machine are no part of the program."""
    lines = [f"#define LCNN_WITH_{plan.variant} 1" for plan in plans if plan.machine == "any"]
    for machine in sorted({plan.machine for plan in plans} - {"any"}):
        own = [f"#define LCNN_WITH_{plan.variant} 1" for plan in plans if plan.machine == machine]
        lines += [f"#if defined(__{machine}__)", *own, "#endif"]
    return "\n".join(lines) + "\n"


def _variant_flags(name: str, plan: EmbeddedPlan) -> str:
    flags = ";".join(f"-m{feature}" for feature in plan.features)
    return f'  set_source_files_properties({name}_{plan.variant}.c PROPERTIES COMPILE_OPTIONS "{flags}")'


def _commands(name: str, plans: Sequence[EmbeddedPlan]) -> str:
    """Give the lines that compile everything without CMake."""
    lines = [f"cc -std=gnu11 -O3 -Ilcnn -ffp-contract=off -c {name}.c {name}_constants.c"]
    for plan in plans:
        flags = "".join(f" -m{feature}" for feature in plan.features)
        lines.append(f"cc -std=gnu11 -O3 -Ilcnn -fno-math-errno{flags} -c {name}_{plan.variant}.c")
    lines.append(f"ar rcs lib{name}.a {name}*.o && cc example.c lib{name}.a -lm -o {name}_example")
    return "\n".join(f"    {line}" for line in lines)


def _preprocessing_fields(rule: Preprocessing | None, shape: Sequence[int]) -> dict[str, object]:
    if rule is None:
        return {"preprocessing": "", "preprocessing_fields": ""}
    steps, resample, policy, size, antialias = [f"mode {rule.mode}"], "LCNN_NO_RESIZE", "LCNN_EXACT", (0, 0), True
    if rule.resize is not None:
        resize = rule.resize
        resample = FILTERS[resize.resample, resize.is_rounded]
        policy = f"LCNN_{resize.policy.upper()}"
        size, antialias = resize.min_size, resize.antialias
        steps.append(f"resized ({resize.policy}, {resize.resample}) to {resize.size}")
    if rule.crop is not None:
        steps.append("the centre cut out")
    steps.append(f"(x * {rule.scale:g} - mean) / std")
    numbers = (rule.scale, *rule.mean, *rule.std)
    scale, *rest = (f"{number!r}f" for number in map(float, numbers))
    mean, std = rest[: len(rule.mean)], rest[len(rule.mean) :]
    fields = [
        f".resample = {resample}", f".policy = {policy}", f".resized_height = {size[0]}", f".resized_width = {size[1]}",
        f".antialias = {int(antialias)}", f".crop = {int(rule.crop is not None)}", f".height = {shape[0]}",
        f".width = {shape[1]}", f".channels = {shape[2]}", f".scale = {scale}",
        f".mean = {{{', '.join(mean)}}}", f".std = {{{', '.join(std)}}}",
    ]  # fmt: skip
    return {"preprocessing": ", ".join(steps), "preprocessing_fields": "\n    " + ",\n    ".join(fields) + ",\n"}


def _variant_fields(plan: EmbeddedPlan, offsets: Sequence[int]) -> dict[str, object]:
    guarded = plan.machine != "any"
    return {
        "isa": plan.variant,
        "in_precision": "" if plan.precision == "float32" else f" in {plan.precision}",
        "guard_begin": f"#if defined(__{plan.machine}__)\n" if guarded else "",
        "guard_end": "\n#endif" if guarded else "",
        "includes": "\n".join(f'#include "lcnn/ops/{path}"' for path in _ops_of(plan)),
        "calls": calls_source(plan, offsets),
        "arena": plan.arena,
        "scratch": plan.scratch,
    }


def _ops_of(plan: EmbeddedPlan) -> list[str]:
    """List the files of kernels that a plan calls."""
    where = _files_of_kernels()
    return sorted({where[call.kernel] for call in plan.calls})


@cache
def _files_of_kernels() -> dict[str, str]:
    """Find which file of ``csrc/ops`` has each kernel."""
    found: dict[str, str] = {}
    for path in sorted(OPS.glob("*.inc.h")):
        text = path.read_text(encoding="utf-8")  # some kernels are made of a list
        functions = re.findall(r"^static void (\w+)\(const lcnn_call \*", text, re.MULTILINE)
        found |= dict.fromkeys([*functions, *re.findall(r"\bX\((\w+),", text)], path.name)
    return found
