"""The names that a shell completes; tests keep those written here equal to the real ones."""

from importlib.resources import files

MODELS = (
    "densenet121",
    "hacnn",
    "lightmbn_osnet",
    "lightres",
    "mlfn",
    "mobilenetv2",
    "mobilenetv2_x1_4",
    "nasnetmobile",
    "osnet_ain_x1_0",
    "osnet_ibn_x1_0",
    "osnet_x0_25",
    "osnet_x0_5",
    "osnet_x0_75",
    "osnet_x1_0",
    "resnet101",
    "resnet18",
    "resnet50",
    "resnet50_fc512",
    "resnet50m",
    "shufflenet",
    "squeezenet",
    "vit_base",
    "vit_small",
    "vit_small_d8",
)
DATA_SETS = (
    "cuhk-sysu",
    "cuhk02",
    "cuhk02:all",
    "cuhk03",
    "cuhk03:detected",
    "cuhk03:detected+all",
    "cuhk03:labeled",
    "cuhk03:labeled+all",
    "dukemtmcreid",
    "dukemtmcreid:all",
    "folder",
    *("grid", *(f"grid:{split}" for split in range(10))),
    *("ilids", *(f"ilids:{split}" for split in range(10))),
    "ltcc",
    "ltcc:clothes-changing",
    "ltcc:same-clothes",
    "ltcc:standard",
    "market1501",
    "market1501:all",
    "msmt17",
    "msmt17:+all",
    "msmt17:+val",
    "msmt17:v1",
    "msmt17:v1+all",
    "msmt17:v1+val",
    "msmt17:v2",
    "msmt17:v2+all",
    "msmt17:v2+val",
    "occluded-duke",
    "people",
    "prcc",
    "prcc:clothes-changing",
    "prcc:clothes-changing+val",
    "prcc:same-clothes",
    "prcc:same-clothes+val",
    *("prid", *(f"prid:{split}" for split in range(10))),
    *("viper", *(f"viper:{split}" for split in range(10))),
)
PROTOCOLS = ("protocol-1", "protocol-1-duke", "protocol-2", "protocol-3")
WEIGHTS = tuple(
    f"{recipe}-{data}"
    for recipe in ("densenet121-xent", "hacnn-xent", "resnet50-xent")
    for data in ("cuhk03", "dukemtmcreid", "market1501", "msmt17")
)


def complete_model(incomplete: str) -> list[str]:
    """Models that begin so."""
    return [name for name in MODELS if name.startswith(incomplete)]


def complete_data(incomplete: str) -> list[str]:
    """Data sets that begin so, with their variants once a colon is there."""
    known = (name for name in DATA_SETS if ":" in incomplete or ":" not in name)
    return [name for name in known if name.startswith(incomplete)]


def complete_protocol(incomplete: str) -> list[str]:
    """Protocols of domain generalisation that begin so."""
    return [name for name in PROTOCOLS if name.startswith(incomplete)]


def complete_weights(incomplete: str) -> list[str]:
    """Published weights that begin so."""
    return [name for name in WEIGHTS if name.startswith(incomplete)]


def complete_recipe(incomplete: str) -> list[str]:
    """Recipes that come with crosscam and begin so."""
    names = (entry.name for entry in files("crosscam.zoo").joinpath("recipes").iterdir())
    recipes = (name.removesuffix(".toml") for name in names if name.endswith(".toml"))
    return sorted(name for name in recipes if name.startswith(incomplete))
