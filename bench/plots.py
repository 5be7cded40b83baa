"""Line charts as SVG, of text and lines alone, so that a result needs no library to be drawn."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

_COLOURS = ("#1b6ca8", "#c8553d", "#2f7d4f", "#7b4fa3", "#b8860b", "#3c8d93", "#a23b72", "#555555")
_LEFT, _TOP, _PLOT, _LEGEND, _ROW = 70, 40, 520, 210, 18


@dataclass(frozen=True)
class Line:
    """A named series of points (x, y)."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Chart:
    """Lines over two axes; a *logarithmic* one has both axes so."""

    title: str
    across: str
    up: str
    lines: Sequence[Line]
    logarithmic: bool = False


def write(path: Path, charts: Sequence[Chart], height: int = 260) -> None:
    """Write *charts* below each other into *path*, each with *height* pixels of plot."""
    step = height + _TOP + 50
    width, whole = _LEFT + _PLOT + _LEGEND, step * len(charts)
    body = "\n".join(_chart(chart, step * number, height) for number, chart in enumerate(charts))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {whole}" '
        f'font-family="sans-serif" font-size="12">\n'
        f'<rect width="{width}" height="{whole}" fill="white"/>\n{body}\n</svg>\n',
        encoding="utf-8",
    )


def _chart(chart: Chart, top: int, height: int) -> str:
    xs = _ticks([x for line in chart.lines for x, _ in line.points], chart, least=None)
    ys = _ticks([y for line in chart.lines for _, y in line.points], chart, least=0)
    base = top + _TOP + height

    def at(x: float, y: float) -> tuple[float, float]:
        return _LEFT + _PLOT * _share(x, xs, chart), base - height * _share(y, ys, chart)

    parts = [_text(_LEFT, top + 22, chart.title, "start", bold=True)]
    for x in xs:
        parts.append(_rule(at(x, ys[0]), at(x, ys[-1])))
        parts.append(_text(at(x, ys[0])[0], base + 16, _told(x), "middle"))
    for y in ys:
        parts.append(_rule(at(xs[0], y), at(xs[-1], y)))
        parts.append(_text(_LEFT - 6, at(xs[0], y)[1] + 4, _told(y), "end"))
    parts.append(_text(_LEFT + _PLOT / 2, base + 36, chart.across, "middle"))
    middle = top + _TOP + height / 2
    turned = f'transform="rotate(-90 16 {middle:g})"'
    parts.append(_text(16, middle, chart.up, "middle", turned))
    for number, line in enumerate(chart.lines):
        colour = _COLOURS[number % len(_COLOURS)]
        dashes = ' stroke-dasharray="5 3"' if number >= len(_COLOURS) else ""
        places = " ".join("{:.1f},{:.1f}".format(*at(*point)) for point in line.points)
        parts.append(
            f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="1.6"'
            f"{dashes}/>"
        )
        y = top + _TOP + 8 + _ROW * number
        x = _LEFT + _PLOT + 12
        parts.append(
            f'<line x1="{x}" y1="{y - 2}" x2="{x + 14}" y2="{y - 2}" stroke="{colour}"'
            f' stroke-width="3"{dashes}/>'
        )
        parts.append(_text(x + 20, y + 2, line.name, "start"))
    return "\n".join(parts)


def _share(value: float, ticks: Sequence[float], chart: Chart) -> float:
    low, high = ticks[0], ticks[-1]
    if chart.logarithmic:
        return math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low)


def _ticks(values: Sequence[float], chart: Chart, least: float | None) -> list[float]:
    """Return round numbers from at most the smallest value, or *least*, to at least the largest."""
    low, high = min(values), max(values)
    if chart.logarithmic:
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        return [10.0**power for power in range(first, max(last, first + 1) + 1)]
    low = low if least is None else min(low, least)
    rough = (high - low or 1) / 5
    size = 10 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [step * number for number in range(first, max(last, first + 1) + 1)]


def _text(x: float, y: float, text: str, anchor: str, more: str = "", *, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{weight} {more}>{escape(text)}</text>'
    )


def _rule(start: tuple[float, float], end: tuple[float, float]) -> str:
    (x1, y1), (x2, y2) = start, end
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#dddddd"/>'


def _told(number: float) -> str:
    return f"{number:,.0f}" if number == round(number) else f"{number:g}"
