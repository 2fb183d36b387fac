"""Any backbone of timm under our contract (Wightman, github.com/huggingface/pytorch-image-models).

timm is an extra, imported when one of its backbones is made. Each is made twice: first on torch's
meta device, where it takes neither memory nor time, to see that it takes pictures of its size.
"""

import difflib
import importlib
from collections.abc import Callable, Mapping
from functools import cached_property
from types import SimpleNamespace
from typing import Any, cast

import torch
from torch import Tensor, nn

from crosscam.errors import ModelError, WeightsError
from crosscam.models.base import ReIDModel, refuse_unusable
from crosscam.models.pooling import GeneralisedMean
from crosscam.models.timm_maps import TimmMap, find_map
from crosscam.models.timm_names import PREFIX, TimmName, parse_timm_name
from crosscam.types import ModelOutput

SIZE = (256, 128)  # the field's, in which (height, width) most of timm's backbones can be used

# With which timm and torch say that a network cannot be made like this, or takes no such pictures.
_REFUSALS = (
    *(AssertionError, AttributeError, IndexError, NotImplementedError),
    *(RuntimeError, TypeError, ValueError),
)


class TimmModel(ReIDModel):
    """A backbone of timm up to its classifier, which is replaced by one for people.

    Attributes:
        backbone: from (N, 3, H, W) images to (N, feature_dim) features.
        takes_one_size: whether it takes images of its `input_size` only.
        last_map: what its map is, where that was looked for.
    """

    def __init__(
        self,
        name: str,
        num_classes: int,
        *,
        backbone: nn.Module,
        size: tuple[int, int],
        feature_dim: int,
        takes_one_size: bool,
        last_map: TimmMap | None = None,
    ) -> None:
        super().__init__()
        self.name = name
        self.num_classes = num_classes
        self.input_size = size
        self.feature_dim = feature_dim
        self.takes_one_size = takes_one_size
        self.backbone = backbone
        self.classifier = nn.Linear(feature_dim, num_classes)
        self.last_map = last_map
        if last_map is not None:
            self.map_dim = last_map.channels
            self.own_end = ("classifier", *(f"backbone.{name}" for name in last_map.behind))

    def depth_of(self, name: str) -> int:
        """By timm's own grouping of a backbone's layers, as for its `layer_decay`.

        All are equally deep where timm has none.
        """
        deepest = max(self._depths.values(), default=0)
        return self._depths.get(name.removeprefix("backbone."), deepest)

    @cached_property
    def _depths(self) -> Mapping[str, int]:
        """How deep each parameter of the backbone is, and what comes after the backbone."""
        backbone: Any = self.backbone
        if not hasattr(backbone, "group_matcher"):
            return {}
        named = [*backbone.named_parameters(), ("", None)]  # no pattern of a layer matches the last
        found: dict[str, int] = importlib.import_module("timm.models").group_parameters(
            SimpleNamespace(named_parameters=lambda: iter(named)),
            backbone.group_matcher(coarse=False),
            reverse=True,
        )
        return found

    def forward(self, images: Tensor) -> Tensor | ModelOutput:
        """(N, 3, H, W) images to (N, feature_dim) features, with logits in training mode."""
        features = self._run(self.backbone, images)
        if not self.training:
            return features
        return ModelOutput(features, (self.classifier(features),))

    def forward_map(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) images to (N, map_dim, h, w), or (N, map_dim, L, 1) of L tokens."""
        if self.last_map is None:
            raise ModelError(f"{self.name} was made without looking for its map")
        backbone: Any = self.backbone
        return self.last_map.laid_out(self._run(backbone.forward_features, images))

    def _run(self, run: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        """What `run` makes of images; `ModelError` for those that it cannot take."""
        refuse_unusable(images, name=self.name, smallest=(32, 32))
        height, width = images.shape[2:]
        if self.takes_one_size and (height, width) != self.input_size:
            raise ModelError(
                f"{self.name} takes images of {_in_words(self.input_size)} only, not "
                f"{height} x {width}; choose the size it is made for, as in "
                f"{PREFIX}NAME:size={height}x{width}"
            )
        try:
            return run(images)
        except AssertionError as error:  # by which timm refuses a size
            raise ModelError(
                f"{self.name} takes no images of {height} x {width} pixels: {error}"
            ) from None


def timm_model(
    name: str, num_classes: int, *, pretrained: bool, with_map: bool = False
) -> TimmModel:
    """The model of a name such as "timm/resnet50:pool=gem"; `pretrained` with timm's own weights.

    `with_map` for one that is to have another end, and so gives its map. timm's weights are read by
    timm, from Hugging Face's cache or its hub, strictly. Raises `ModelError` if timm is not
    installed or has no such backbone, or if this one cannot be made as chosen or has no map, and
    `WeightsError` if its weights cannot be had.
    """
    chosen = parse_timm_name(name)
    timm = _import_timm(name)
    config = _config(timm, name, chosen.architecture)
    size = chosen.size or SIZE
    arguments, feature_dim = _try_out(timm, name, chosen, size, is_fixed=config.fixed_input_size)
    last_map = _look_for_map(timm, name, chosen, arguments) if with_map else None
    make = _pretrained if pretrained else _backbone
    model = TimmModel(
        name,
        num_classes,
        backbone=make(timm, chosen, arguments),
        size=size,
        feature_dim=feature_dim,
        takes_one_size="img_size" in arguments and "dynamic_img_size" not in arguments,
        last_map=last_map,
    )
    model.mean, model.std = tuple(config.mean), tuple(config.std)
    return model


def refuse_unknown_backbone(name: str) -> None:
    """Raise `ModelError` if a name is malformed, or timm is not there or has no such backbone."""
    _config(_import_timm(name), name, parse_timm_name(name).architecture)


def _import_timm(name: str) -> Any:  # a module that need not be installed
    try:
        return importlib.import_module("timm")
    except ModuleNotFoundError as error:
        raise ModelError(
            f"{name} needs {error.name}, which is not installed; pip install 'crosscam[timm]'"
        ) from None
    except (ImportError, OSError, RuntimeError) as error:
        raise ModelError(
            f"{name} needs timm, which cannot be imported here ({_first_line(error)}); timm needs "
            f"a torchvision of the same build as torch, which is {torch.__version__}: "
            "install both from one index, as pytorch.org says"
        ) from None


def _config(timm: Any, name: str, architecture: str) -> Any:
    """What timm knows of an architecture and its weights; `ModelError` if it has none."""
    plain, _, tag = architecture.partition(".")
    backbones = timm.list_models()  # without the names that timm has given up
    if plain not in backbones:
        near = difflib.get_close_matches(plain, backbones, n=5)
        hint = f"did you mean {', '.join(near)}?" if near else "timm.list_models() lists them"
        raise ModelError(f"{name!r}: timm {timm.__version__} has no backbone {plain!r}; {hint}")
    try:
        return timm.get_pretrained_cfg(architecture, allow_unregistered=False)
    except RuntimeError:
        known = ", ".join(timm.list_pretrained(plain)) or "none"
        raise ModelError(
            f"{name!r}: timm {timm.__version__} has no weights {tag!r} of {plain}; it has {known}"
        ) from None


def _try_out(
    timm: Any, name: str, chosen: TimmName, size: tuple[int, int], *, is_fixed: bool
) -> tuple[dict[str, Any], int]:
    """What timm is to be told to make this backbone for images of `size`; its features' length.

    One whose weights depend on the size is made for `size`, and for others too if it can be.
    """
    sizes: list[dict[str, Any]] = [{}]
    if is_fixed:
        sizes = [{"img_size": size, "dynamic_img_size": True}, {"img_size": size}]
    stride = {} if chosen.output_stride is None else {"output_stride": chosen.output_stride}
    refusal: Exception | None = None
    for told in sizes:
        try:
            with torch.device("meta"), torch.inference_mode():
                backbone = _backbone(timm, chosen, {**told, **stride})
                features = backbone.eval()(torch.zeros(1, 3, *size))
        except TypeError as error:  # it knows no such argument
            refusal = error
        except _REFUSALS as error:
            refusal = error
            break
        else:
            return {**told, **stride}, int(features.shape[1])
    raise ModelError(
        f"{name} cannot be made for images of {_in_words(size)}: {_first_line(refusal)}; "
        "choose another size, pool or output_stride, or leave them to timm"
    ) from None


def _look_for_map(timm: Any, name: str, chosen: TimmName, arguments: Mapping[str, Any]) -> TimmMap:
    """The map of a backbone that can be made; `ModelError` where there is none to be pooled."""
    if chosen.pool is not None:
        raise ModelError(
            f"{name} with a head: the head says how its map is pooled; leave out pool={chosen.pool}"
        )
    with torch.device("meta"):
        backbone = _backbone(timm, chosen, arguments)
    try:
        return find_map(backbone, chosen.size or SIZE)
    except (*_REFUSALS, KeyError, ModelError) as error:
        raise ModelError(
            f"{name} can have no end but its own: it gives no map ({_first_line(error)})"
        ) from None


def _backbone(
    timm: Any, chosen: TimmName, arguments: Mapping[str, Any], *, pretrained: bool = False
) -> nn.Module:
    """The network up to its classifier, with the pooling that is chosen."""
    backbone: Any = timm.create_model(chosen.architecture, pretrained=pretrained, **arguments)
    if chosen.pool in (None, "gem"):
        backbone.reset_classifier(0)
    else:
        backbone.reset_classifier(0, chosen.pool)
    if chosen.pool == "gem":
        _pool_by_generalised_mean(timm, backbone)
    return cast("nn.Module", backbone)


def _pool_by_generalised_mean(timm: Any, backbone: nn.Module) -> None:
    """Put it in the place of the one pooling layer, whatever shape that takes and gives."""
    poolings = [
        (name, layer)
        for name, layer in backbone.named_modules()
        if isinstance(layer, timm.layers.SelectAdaptivePool2d)
    ]
    if len(poolings) != 1:
        raise ValueError("pool=gem needs a network that pools one map, which this is not")
    name, layer = poolings[0]
    pooled = layer(torch.zeros(1, 2, 3, 4))
    backbone.set_submodule(
        name,
        GeneralisedMean(channels_last=pooled.shape[-1] == 4, keep_sides=pooled.ndim == 4),
    )


def _pretrained(timm: Any, chosen: TimmName, arguments: Mapping[str, Any]) -> nn.Module:
    """The backbone with timm's own weights, which have to fit it whole, classifier and all."""
    if not timm.is_model_pretrained(chosen.architecture):
        known = ", ".join(timm.list_pretrained(chosen.architecture.partition(".")[0])) or "none"
        raise WeightsError(
            f"timm {timm.__version__} has no weights for {chosen.architecture} (it has {known}); "
            "use --set weights=none"
        )
    try:
        return _backbone(timm, chosen, arguments, pretrained=True)
    except Exception as error:  # whatever a file, a cache or a network can do
        raise WeightsError(
            f"timm's weights for {chosen.architecture} could not be had: {type(error).__name__}: "
            f"{_first_line(error)}; they come from the Hugging Face hub or its cache: fetch them "
            "on a machine that can, copy that cache and let HF_HOME name it; "
            "--set weights=none starts at random instead"
        ) from error


def _in_words(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]} pixels (height x width)"


def _first_line(error: Exception | None) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
