"""The model card that lies beside an exported model (Mitchell et al. 2019), in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.app import Card, Endpoint, Source
from harness.formatting import metric_interval, metric_name, metric_value, minutes


def model_card(
    card: Card,
    endpoints: Sequence[Endpoint],
    document: Mapping[str, Any],
    source: Source,
    counts: Mapping[str, int],
    dropped: Mapping[str, int],
    notes: Sequence[str] = (),
) -> str:
    """Returns the model card.

    Args:
        document: of harness.results.metrics_document.
        counts: split -> number of examples.
        dropped: reason -> number of examples left out.
        notes: sentences about the data, or about the score (e.g. that it is the cross-validated one).
    """
    parts = [
        f"# {document['app']}: {document['title']}",
        f"Preset `{document['preset']}`"
        + (f", catalogue row {document['catalogue']}" if document["catalogue"] else "")
        + ".",
        f"## Task\n\n{card.task}",
        f"## Intended use\n\n{card.intended_use}",
        f"## Limits\n\n{card.limits}",
        f"## Data\n\n{_data(source, counts, dropped, notes)}",
        f"## Metrics\n\n{_metrics(document)}",
        f"## Endpoints\n\n{_endpoints(endpoints)}",
        f"## Training\n\n{_training(document)}",
    ]
    return "\n\n".join(parts) + "\n"


def _data(source: Source, counts: Mapping[str, int], dropped: Mapping[str, int], notes: Sequence[str]) -> str:
    lines = [f"{source.name}, SHA-256 `{source.sha256}`."]
    if source.synthetic:
        lines.append("**These data are synthetic: the figures below say nothing about real data.**")
    lines.append(", ".join(f"{count:,} {split}" for split, count in counts.items()) + " examples.")
    lines += [f"Left out: {count:,} ({reason})." for reason, count in dropped.items() if count]
    lines += list(notes)
    if source.notice:
        lines.append(source.notice)
    return "  \n".join(lines)


def _metrics(document: Mapping[str, Any]) -> str:
    dataset = document["dataset"]
    baselines = document["baselines"]
    head = ["metric", "value", "95 % interval", "examples", *(name.replace("_", " ") for name in baselines)]
    lines = [head, ["---"] * len(head)]
    for key, metric in document["metrics"].items():
        others = [
            metric_value(key, measured[key]["value"], measured[key]["unit"]) if key in measured else ""
            for measured in baselines.values()
        ]
        value = metric_value(key, metric["value"], metric["unit"])
        interval = metric_interval(key, metric["interval95"], metric["unit"])
        lines.append([metric_name(key), value, interval, f"{metric['examples']:,}", *others])
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    text = f"On {dataset['name']}, split {dataset['split']}. The headline is {metric_name(document['headline'])}"
    text += f"; the literature has {document['literature']}." if document["literature"] else "."
    return f"{text}\n\n{table}"


def _endpoints(endpoints: Sequence[Endpoint]) -> str:
    parts = []
    for endpoint in endpoints:
        inputs = "\n".join(f"- `{spec.name}`: {spec.dtype.name} {_shape(spec.shape)}" for spec in endpoint.signature)
        parts.append(f"### `{endpoint.name}`\n\n{endpoint.describes}\n\n{inputs}")
    return "\n\n".join(parts)


def _shape(shape: Any) -> str:
    if shape.rank is None:
        return "[...]"
    sizes = [("n" if axis == 0 else "any") if size is None else str(size) for axis, size in enumerate(shape)]
    return f"[{', '.join(sizes)}]" if sizes else "scalar"


def _training(document: Mapping[str, Any]) -> str:
    machine = ", ".join(f"{name} {value}" for name, value in document["machine"].items() if value is not None)
    libraries = ", ".join(f"{name} {version}" for name, version in document["libraries"].items())
    return "\n".join(
        [
            f"    {document['command']}",
            "",
            f"- seed {document['seed']}, {minutes(document['train_minutes'])} of training, code `{document['code']}`",
            f"- {document['parameters']:,} parameters",
            f"- machine: {machine}",
            f"- libraries: {libraries}",
        ]
    )
