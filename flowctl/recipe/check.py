"""Everything about a network that no single key can say; all of it, at once.

The checks work on specs, so that whoever makes a network in another way can use them too. They find
places by path: `processors.parse.cpus`, `plugs[3].to`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from flowctl.model.flow import NetworkSpec, ProcessorSpec, SourceKind
from flowctl.recipe.nodes import check_nodes, needs_task
from flowctl.recipe.notes import Notes
from flowctl.recipe.schedules import check_schedule
from flowctl.recipe.tasks import Read, check_tasks
from flowctl.recipe.wiring import check_wiring
from flowctl.recipe.words import is_identifier


def check(
    spec: NetworkSpec, notes: Notes, *, plug_paths: Sequence[str] = (), read: Read | None = None
) -> None:
    """Add to `notes` what is wrong with a network.

    `plug_paths` says where the plugs stand, `read` gives the text of files of `path` sources.
    """
    paths = plug_paths or [f"plugs[{index}]" for index in range(len(spec.plugs))]
    placed = list(zip(paths, spec.plugs, strict=True))
    for processor in spec.processors:
        _check_processor(processor, notes)
    check_wiring(spec, placed, notes)
    check_nodes(spec.processors, placed, notes)
    check_tasks(spec, placed, notes, read)
    _check_deployments(spec, notes)


def _check_processor(processor: ProcessorSpec, notes: Notes) -> None:
    path = f"processors.{processor.name}"
    source = processor.source
    if source.kind is SourceKind.COMMAND and not (source.command and source.command[0].strip()):
        notes.add(f"{path}.source.command", "the command is empty")
    _check_scale(path, processor, notes)
    _check_retry(path, processor, notes)
    is_code = not notes.has(f"{path}.source")
    for socket in processor.sockets:
        inner = f"{path}.sockets.{socket.name}"
        if is_code and needs_task(processor, socket) and not is_identifier(socket.task):
            message = f'"{socket.task}" cannot be the name of a function'
            notes.add(f"{inner}.task", message, "write the key `task`")
        if socket.schedule:
            check_schedule(inner, socket.schedule, notes)


def _check_scale(path: str, processor: ProcessorSpec, notes: Notes) -> None:
    scale, cpus = processor.scale, processor.cpus
    if not scale or notes.has(f"{path}.scale"):
        return
    if scale.min > scale.max:
        notes.add(f"{path}.scale", f"min {scale.min} is above max {scale.max}")
    elif not scale.min <= cpus <= scale.max:
        message = f"{cpus} is not within scale, {scale.min} to {scale.max}"
        notes.add(f"{path}.cpus", message)


def _check_retry(path: str, processor: ProcessorSpec, notes: Notes) -> None:
    retry = processor.retry
    if retry.backoff > retry.cap and not notes.has(f"{path}.retry"):
        notes.add(f"{path}.retry", f"backoff {retry.backoff:g}s is above cap {retry.cap:g}s")


def _check_deployments(spec: NetworkSpec, notes: Notes) -> None:
    known = {processor.name: processor for processor in spec.processors}
    pinned = Counter[str]()
    for deployment in spec.deployments:
        path = f"deployments.{deployment.name}"
        pinned[deployment.processor] += deployment.cpus
        processor = known.get(deployment.processor)
        if not processor:
            message = f'there is no processor "{deployment.processor}"'
            notes.add(f"{path}.processor", message, notes.hint(deployment.processor, known))
        elif processor.host and processor.host != deployment.agent:
            notes.add(f"{path}.agent", f"{processor.name} may run on {processor.host} only")
    for name, cpus in pinned.items():
        if name in known and cpus > _most_cpus(known[name]):
            message = f"its deployments take {cpus} cpus, more than its {_most_cpus(known[name])}"
            notes.add(f"processors.{name}.cpus", message)


def _most_cpus(processor: ProcessorSpec) -> int:
    return max(processor.cpus, processor.scale.max if processor.scale else 0)
