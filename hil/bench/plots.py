"""Pictures of a trace: the main fuse's highest phase under each policy, and energy against the optimum."""

from pathlib import Path

from hil.bench.site_plan import read_site
from hil.bench.table import Entry


def draw(entry: Entry, folder: Path) -> list[Path]:
    """Writes one SVG and one PNG for the trace; returns their paths. Needs matplotlib, an extra of development."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    site = read_site(entry.trace.site_text)
    names = list(entry.verdicts)
    figure = Figure(figsize=(10.0, 1.8 * len(names) + 2.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(names) + 1, 1, squeeze=False)[:, 0]
    rating_a = site.fuses[site.main].rating_a
    for axis, name in zip(axes, names, strict=False):
        rows = entry.verdicts[name].log
        hours = [row[0] / 3600.0 for row in rows]
        axis.fill_between(hours, [max(row[4:7]) for row in rows], step="post", color="0.85", label="house")
        axis.step(hours, [max(row[1:4]) for row in rows], where="post", linewidth=0.8, label="main fuse")
        axis.axhline(rating_a, color="tab:red", linewidth=0.8)
        axis.set_ylabel(f"{name}\nA, highest phase")
    axes[0].legend(loc="upper right", fontsize="small")
    energy = [entry.verdicts[name].energy_kwh for name in names]
    axes[-1].barh(names, energy)
    if entry.optimum is not None:
        axes[-1].axvline(entry.optimum.energy_kwh, color="tab:green", label="optimum")
        axes[-1].legend(loc="lower right", fontsize="small")
    axes[-1].set_xlabel("kWh delivered")
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{entry.trace.name}.{ending}" for ending in ("svg", "png")]
    for path in paths:
        figure.savefig(path)
    return paths
