"""Do a language's neurons matter more to that language than as many others of the same layers?

Run it with the folder of shared data: `python docs/language_neurons.py ../shared/data`. Neurons are found on one half
of the sentences and ablated on the other half.
"""

import sys
from pathlib import Path

from multiunit.core import Ablate
from multiunit.inference import paired_effect
from multiunit.io.stimuli import read_stimuli
from multiunit.systems import next_token_loss, open_hugging_face
from multiunit.units import build_atlas


def main(data: Path) -> None:
    system = open_hugging_face(data / "lm_stories260k", device="cpu")
    sentences = read_stimuli(data / "text_parallel" / "pud_11_languages.tsv", by="language")
    first_half = sentences["sent_id"].rank(method="dense") % 2 == 0
    atlas = build_atlas(system, stimuli=sentences[first_half], by="language", detectors=["language_neurons"])
    held_out = sentences[~first_half].reset_index(drop=True)
    print("| language | neurons | loss | neurons ablated | random ablated | difference |")
    print("|---|---|---|---|---|---|")
    for language in sorted(sentences["language"].unique()):
        texts = held_out[held_out["language"] == language].reset_index(drop=True)
        chosen, control = (f("language_neurons", label=language) for f in (atlas.selection, atlas.control))
        before = next_token_loss(system, texts)["loss"]
        if not chosen:
            print(f"| {language} | 0 | {before.mean():.3f} | - | - | - |")
            continue
        ablated, random = (next_token_loss(system, texts, edits=[Ablate(units)])["loss"] for units in (chosen, control))
        pairs = [(ablated, before), (random, before), (ablated, random)]
        effects = [paired_effect(after, base) for after, base in pairs]
        shown = " | ".join(f"{e.mean:+.4f} [{e.low:+.4f}, {e.high:+.4f}]" for e in effects)
        print(f"| {language} | {len(chosen)} | {before.mean():.3f} | {shown} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
