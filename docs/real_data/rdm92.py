"""Makes the figure of `rdm92.md`: `python docs/real_data/rdm92.py ../shared/data`."""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from scipy.spatial.distance import squareform

from multiunit.similarity.rsa_inference import rsa_inference


def load(folder: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The RDMs of four people's IT, `(subject, pair)`, and those of the models by name."""
    data = np.load(folder / "human_it.npz")["rdms"].astype(float)
    models = np.load(folder / "models.npz")
    pairs = np.triu_indices(data.shape[1], 1)
    return data[:, *pairs], {str(n): rdm[pairs] for n, rdm in zip(models["names"], models["rdms"], strict=True)}


def draw(found: xr.Dataset, data: np.ndarray, models: dict[str, np.ndarray], path: Path) -> None:
    """Scores with their intervals and the noise ceiling, above the RDMs of four models and of the people."""
    order = found["score"].argsort().values[::-1]
    figure = plt.figure(figsize=(9, 6), layout="constrained")
    grid = figure.add_gridspec(2, 5, height_ratios=(1.6, 1))
    axis = figure.add_subplot(grid[0, :])
    lower, upper = float(found["ceiling_lower"]), float(found["ceiling_upper"])
    axis.axhspan(lower, upper, color="0.85", label=f"noise ceiling, {lower:.2f} to {upper:.2f}", zorder=0)
    score = found["score"].values[order]
    half = (found["high"] - found["score"]).values[order]
    axis.bar(range(len(order)), score, color="#4477aa", width=0.6)
    axis.errorbar(range(len(order)), score, yerr=half, fmt="none", color="0.2", capsize=3)
    for row in found["subject_score"].values[:, order]:
        axis.plot(range(len(order)), row, "o", color="#cc6677", markersize=4)
    axis.axhline(0, color="0.2", linewidth=0.8)
    names = [str(name).replace("Manmade", "\nManmade") for name in found["model"].values[order]]
    axis.set_xticks(range(len(order)), names)
    axis.set_ylabel("correlation with the IT of a person")
    axis.legend(loc="lower left", frameon=False)
    shown = {"mean of four people": data.mean(axis=0)}
    shown |= {name: models[name] for name in ("animacy", "monkeyIT", "HMAX", "V1")}
    for column, (name, rdm) in enumerate(shown.items()):
        axis = figure.add_subplot(grid[1, column])
        ranks = rdm.argsort().argsort() if len(np.unique(rdm)) > 2 else rdm
        axis.imshow(squareform(ranks), cmap="viridis")
        axis.set_title(name, fontsize=9)
        axis.set_axis_off()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main(folder: Path) -> None:
    data, models = load(folder / "rdm92")
    draw(rsa_inference(data, models), data, models, Path(__file__).with_suffix(".png"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
