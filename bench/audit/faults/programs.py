"""Programs that remember, forget, freeze or round what they should not."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from backends.base import Arrays, Feeds, Program, Settings
from bench.audit.fault import Fault
from bench.audit.planting.proxy import Planting, WrongProgram
from models.graph import Graph

KIND = "program"
Copies = dict[str, np.ndarray]


def _last_weight(graph: Graph) -> str:
    """A weight to go wrong; empty where there is none."""
    return next(reversed(graph.trainable()), "")


class _OneIgnored(WrongProgram):
    """The last weight stays as it was."""

    def load(self, params: Arrays) -> None:
        name = _last_weight(self.graph)
        kept = {name: self.inner.params()[name]} if name else {}
        self.inner.load({**params, **kept})


class _Told(WrongProgram):
    """It says that it has what it was given, whatever it has."""

    def __init__(self, inner: Program, graph: Graph, settings: Settings) -> None:
        super().__init__(inner, graph, settings)
        self.given: Copies = {}

    def load(self, params: Arrays) -> None:
        self.given = {name: np.array(array) for name, array in params.items()}
        self.taken(params)

    def taken(self, params: Arrays) -> None:
        """What becomes of weights."""
        self.inner.load(params)

    def params(self) -> Any:
        return self.given or self.inner.params()


class _OneIgnoredUnseen(_Told):
    def taken(self, params: Arrays) -> None:
        _OneIgnored.load(cast(_OneIgnored, self), params)


class _LoadsOnce(WrongProgram):
    is_loaded = False

    def load(self, params: Arrays) -> None:
        if not self.is_loaded:
            self.inner.load(params)
        self.is_loaded = True


class _LoadsOnceUnseen(_Told):
    is_loaded = False

    def taken(self, params: Arrays) -> None:
        _LoadsOnce.load(cast(_LoadsOnce, self), params)


class _Turned(WrongProgram):
    """Square weights are transposed on their way, in and out."""

    def load(self, params: Arrays) -> None:
        self.inner.load(_transposed(params))

    def params(self) -> Any:
        return _transposed(self.inner.params())


class _InHalf(_Told):
    """Weights are held with the digits of float16."""

    def taken(self, params: Arrays) -> None:
        self.inner.load(
            {
                name: np.float32(np.float16(array))
                if np.asarray(array).dtype == np.float32
                else array
                for name, array in params.items()
            }
        )


class _Previous(WrongProgram):
    """What comes out is the answer to the call before, where that fits."""

    last: dict[str, Any] | None = None

    def run(self, feeds: Feeds) -> Any:
        now = self.inner.run(feeds)
        told = now if self.last is None else self.last
        self.last = now
        same = [
            np.shape(self.inner.numpy(one[name])) for one in (now, told) for name in now
        ]
        half = len(same) // 2
        return told if same[:half] == same[half:] else now


class _ByShape(WrongProgram):
    """What has come out at a shape comes out again."""

    def __init__(self, inner: Program, graph: Graph, settings: Settings) -> None:
        super().__init__(inner, graph, settings)
        self.known: dict[Any, Any] = {}

    def load(self, params: Arrays) -> None:
        self.known.clear()
        self.inner.load(params)

    def run(self, feeds: Feeds) -> Any:
        shapes = tuple(np.shape(self.inner.numpy(value)) for value in feeds.values())
        if shapes not in self.known:
            self.known[shapes] = self.inner.run(feeds)
        return self.known[shapes]


class _OldWeights(_ByShape):
    """Constants are folded at the first call, and stay."""

    def load(self, params: Arrays) -> None:
        if not self.known:
            self.inner.load(params)

    def run(self, feeds: Feeds) -> Any:
        self.known["called"] = True
        return self.inner.run(feeds)


class _Frozen(WrongProgram):
    """An axis keeps the length of the first call: longer inputs are cut, shorter ones repeated."""

    axis = 0
    length = 0

    def put(self, arrays: Arrays) -> Feeds:
        fitted = {}
        for name, array in arrays.items():
            type_ = self.graph.types[name]
            is_open = len(type_.shape) > self.axis and not isinstance(
                type_.shape[self.axis], int
            )
            fitted[name] = self._fitted(np.asarray(array)) if is_open else array
        return cast(Feeds, self.inner.put(fitted))

    def _fitted(self, array: np.ndarray) -> np.ndarray:
        self.length = self.length or array.shape[self.axis]
        places = np.arange(self.length) % max(1, array.shape[self.axis])
        return np.take(array, places, self.axis) if array.size else array


class _FrozenFrames(_Frozen):
    axis = 1


class _Swapped(WrongProgram):
    """Outputs of one type in reverse."""

    def run(self, feeds: Feeds) -> Any:
        came = self.inner.run(feeds)
        groups: dict[Any, list[str]] = {}
        for name, value in self.graph.outputs.items():
            groups.setdefault(self.graph.types[value], []).append(name)
        names = {
            name: other
            for group in groups.values()
            for name, other in zip(group, reversed(group), strict=True)
        }
        return {name: came[names[name]] for name in came}


class _Wide(WrongProgram):
    def numpy(self, value: Any) -> np.ndarray:
        array = np.asarray(self.inner.numpy(value))
        return array.astype(np.float64) if array.dtype == np.float32 else array


class _Unsteady(WrongProgram):
    """Off by 1e-6, another way each time."""

    calls = 0

    def numpy(self, value: Any) -> np.ndarray:
        array = np.asarray(self.inner.numpy(value))
        if array.dtype != np.float32:
            return array
        self.calls += 1
        drawn = np.random.default_rng(self.calls).normal(size=array.shape)
        return np.asarray(array * (1 + 1e-6 * drawn), np.float32)


class _LateRows(WrongProgram):
    """Rows beyond the hundredth are those of the hundred before."""

    def numpy(self, value: Any) -> np.ndarray:
        array = np.array(self.inner.numpy(value))
        if array.ndim and len(array) > 100:
            array[100:] = np.resize(array[:100], array[100:].shape)
        return array


class _SameMemory(WrongProgram):
    """Outputs of one shape lie in one place, call after call."""

    def __init__(self, inner: Program, graph: Graph, settings: Settings) -> None:
        super().__init__(inner, graph, settings)
        self.places: dict[Any, np.ndarray] = {}

    def numpy(self, value: Any) -> np.ndarray:
        array = np.asarray(self.inner.numpy(value))
        place = self.places.setdefault((array.shape, array.dtype), np.array(array))
        place[...] = array
        return place


class _SecondCall(WrongProgram):
    """Right the first time, then 0.1 % too large."""

    calls = 0

    def run(self, feeds: Feeds) -> Any:
        self.calls += 1
        return self.inner.run(feeds)

    def numpy(self, value: Any) -> np.ndarray:
        array = np.asarray(self.inner.numpy(value))
        right = self.calls < 2 or array.dtype != np.float32
        return array if right else array * np.float32(1.001)


class _Narrow(WrongProgram):
    """int64 leaves as int32."""

    def numpy(self, value: Any) -> np.ndarray:
        array = np.asarray(self.inner.numpy(value))
        return array.astype(np.int32) if array.dtype == np.int64 else array


class _Whole(WrongProgram):
    """Truth leaves as 0 and 1."""

    def numpy(self, value: Any) -> np.ndarray:
        array = np.asarray(self.inner.numpy(value))
        return array.astype(np.int64) if array.dtype == np.bool_ else array


class _Vectors(WrongProgram):
    """A scalar leaves as an array of one."""

    def numpy(self, value: Any) -> np.ndarray:
        return np.atleast_1d(np.asarray(self.inner.numpy(value)))


class _StateLost(WrongProgram):
    def run(self, feeds: Feeds) -> Any:
        before = {name: np.array(array) for name, array in self.inner.params().items()}
        came = self.inner.run(feeds)
        if self.graph.state:
            self.inner.load(before)
        return came


class _Shared(WrongProgram):
    """Arrays that were put are read when they are used: who writes into them meanwhile is heard."""

    def __init__(self, inner: Program, graph: Graph, settings: Settings) -> None:
        super().__init__(inner, graph, settings)
        self.held: dict[int, Arrays] = {}

    def put(self, arrays: Arrays) -> Feeds:
        feeds = cast(Feeds, self.inner.put(arrays))
        self.held[id(feeds)] = arrays
        return feeds

    def run(self, feeds: Feeds) -> Any:
        arrays = self.held.get(id(feeds))
        return self.inner.run(feeds if arrays is None else self.inner.put(arrays))


class _WritesInputs(WrongProgram):
    """What is put is halved where it lies, when it has been read."""

    def put(self, arrays: Arrays) -> Feeds:
        feeds = cast(Feeds, self.inner.put(arrays))
        for array in arrays.values():
            if isinstance(array, np.ndarray) and array.dtype.kind == "f":
                array *= np.asarray(0.5, array.dtype)
        return feeds


class _Strided(WrongProgram):
    """Memory is read as it lies, whatever the strides say."""

    def put(self, arrays: Arrays) -> Feeds:
        read = {}
        for name, array in arrays.items():
            array = np.asarray(array)
            flat = array.ravel(order="K")
            read[name] = flat.reshape(array.shape)
        return cast(Feeds, self.inner.put(read))


class _ByPlace(WrongProgram):
    """Inputs are taken in the order that they come in, by no name."""

    def put(self, arrays: Arrays) -> Feeds:
        wanted = [*self.graph.inputs]
        if not self.settings.draw_noise:
            wanted += self.graph.noise
        named = {name: array for name, array in arrays.items() if name in wanted}
        taken = zip(wanted, named.values(), strict=True)
        return cast(Feeds, self.inner.put(dict(taken)))


def _transposed(params: Arrays) -> Copies:
    turned = {}
    for name, array in params.items():
        array = np.asarray(array)
        square = array.ndim == 2 and array.shape[0] == array.shape[1]
        turned[name] = np.ascontiguousarray(array.T) if square else array
    return turned


def _fault(
    name: str,
    program: type[WrongProgram],
    model: str = "simple_baseline",
    tasks: tuple[str, ...] = ("parity", "shape_ops"),
) -> Fault:
    return Fault(
        name=name,
        planting=Planting(program=program),
        model=model,
        tasks=tasks,
        ops=("split", "batch_norm_train", "matmul", "astype", "less", "sum"),
    )


TRAINED = ("parity", "shape_ops", "train", "evaluate")
FAULTS = (
    _fault("load forgets one weight", _OneIgnored),
    _fault("load forgets one weight, params does not", _OneIgnoredUnseen),
    _fault("load works once", _LoadsOnce),
    _fault("load works once, params tells otherwise", _LoadsOnceUnseen),
    _fault("load works before the first call alone", _OldWeights),
    _fault("load transposes squares, params back", _Turned),
    _fault("load keeps half of the digits, params all", _InHalf),
    _fault("params tells what was loaded", _Told, tasks=TRAINED),
    _fault("run gives the answer before", _Previous),
    _fault("run gives what it gave at that shape", _ByShape),
    _fault("batch of the first call", _Frozen),
    _fault("frames of the first call", _FrozenFrames, "motionbert"),
    _fault("outputs swapped", _Swapped),
    _fault("outputs in float64", _Wide),
    _fault("outputs of int64 in int32", _Narrow),
    _fault("outputs of truth in int64", _Whole),
    _fault("outputs of one number in an array", _Vectors),
    _fault("outputs off by 1e-6, each time otherwise", _Unsteady),
    _fault("outputs wrong beyond row 100", _LateRows, tasks=TRAINED),
    _fault("outputs in one place", _SameMemory),
    _fault("outputs wrong from the second call on", _SecondCall),
    _fault("run loses state", _StateLost),
    _fault("put shares memory", _Shared),
    _fault("put writes into arrays", _WritesInputs),
    _fault("put reads views as they lie", _Strided),
    _fault("put takes inputs by their order", _ByPlace),
)
