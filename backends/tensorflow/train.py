"""tf.GradientTape and Keras optimizers over a train graph, one tf.function per step.

Every hyper-parameter is written out. Keras' own update rules part from the written ones
(models/optim.py) in places; each is subclassed just there:

SGD      keeps the learning rate inside the velocity: after a change from a to b, old
         gradients still move the weights at rate a.
Adam     adds epsilon to the root of the uncorrected moment (epsilon-hat), so it weighs
         1 / sqrt(1 - beta2^t) as much, 32 times at the first step: a first gradient of 1e-6
         with epsilon 1e-8 steps 23 % shorter (with Keras' default of 1e-7, 76 %).
RMSprop  has epsilon inside the root: a first gradient of 1e-3 with epsilon 1e-8 steps 29 %
         shorter.

amsgrad  has both of Adam's, and is left to TensorFlow's fused step, too.

Weight decay is decoupled in all of them; the rules add it to the gradient but for AdamW. A rate
that some parameters have of their own, Keras does not know.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow import Tensor

from backends.base import Arrays, Feeds, Settings, Trainer, Unsupported
from backends.slots import STEPS, renamed, whole
from backends.tensorflow.program import KINDS, TensorFlowProgram
from backends.tensorflow.replicas import Replicas
from models.graph import Graph
from models.optim import NEAR_ZERO, Optimizer
from models.stepping import slot

NOISE = "#noise"  # state of the noise generator, kept with that of the optimizer


class _Ruled:
    """What a rule has beside its step: clipping before it, and rates by parameter.

    Keras' own clipping divides by the norm alone.
    """

    rule: Optimizer
    # of the rates, in the order of the variables; empty where there is one rate
    factors: tuple[float, ...]

    def rated(self, learning_rate: Tensor, at: int) -> Tensor:
        """The rate of a variable."""
        return learning_rate * self.factors[at] if self.factors else learning_rate

    def apply(self, grads: list[Tensor], trainable_variables: Any = None) -> None:
        """One step of all variables."""
        parent: Any = super()
        parent.apply(clipped(grads, self.rule), trainable_variables)


class Sgd(_Ruled, keras.optimizers.SGD):
    """TensorFlow's fused momentum step.

    velocity = momentum velocity + gradient; parameter -= lr velocity.
    """

    def __init__(self, rule: Optimizer) -> None:
        # Keras asks for a float
        super().__init__(rule.lr, momentum=float(rule.momentum))
        self.rule = rule
        self.decay = rule.weight_decay

    def update_step(
        self,
        gradient: Tensor,
        variable: tf.Variable,
        learning_rate: Tensor,
    ) -> None:
        """One parameter."""
        gradient = _decayed(gradient, variable, self.decay)
        at = self._get_variable_index(variable)
        learning_rate = self.rated(learning_rate, at)
        if not self.momentum:
            # Keras has made no velocity then
            super().update_step(gradient, variable, learning_rate)
            return
        velocity = self.momentums[at]
        tf.raw_ops.ResourceApplyMomentum(
            var=variable.handle,
            accum=velocity.value.handle,
            lr=learning_rate,
            grad=gradient,
            momentum=self.momentum,
        )


class Adam(_Ruled, keras.optimizers.Adam):
    """TensorFlow's fused step.

    It too has epsilon-hat, so it is given the epsilon that makes it the rule's.
    """

    def __init__(self, rule: Optimizer) -> None:
        super().__init__(
            rule.lr,
            rule.beta1,
            rule.beta2,
            rule.eps,
            amsgrad=rule.amsgrad,
        )
        self.rule = rule
        decoupled = rule.rule == "adamw"
        self.decay = 0.0 if decoupled else rule.weight_decay
        self.decoupled = rule.weight_decay if decoupled else 0.0

    def update_step(
        self,
        gradient: Tensor,
        variable: tf.Variable,
        learning_rate: Tensor,
    ) -> None:
        """One parameter."""
        at = self._get_variable_index(variable)
        learning_rate = self.rated(learning_rate, at)
        if self.decoupled:
            variable.assign_sub(variable * self.decoupled * learning_rate)
        # float64: in float32, 1 - beta2^t would lose half of its digits
        step = tf.cast(self.iterations.value + 1, tf.float64)
        first = 1 - _rounded(self.beta_1) ** step
        root = tf.sqrt(1 - _rounded(self.beta_2) ** step)
        fused = tf.raw_ops.ResourceApplyAdam
        largest = {}
        if self.amsgrad:
            fused = tf.raw_ops.ResourceApplyAdamWithAmsgrad
            largest["vhat"] = self._velocity_hats[at].value.handle
        fused(
            var=variable.handle,
            m=self._momentums[at].value.handle,
            v=self._velocities[at].value.handle,
            beta1_power=0.0,  # corrected already
            beta2_power=0.0,
            lr=learning_rate * tf.cast(root / first, tf.float32),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=tf.cast(self.epsilon * root, tf.float32),  # which its root undoes
            grad=_decayed(gradient, variable, self.decay),
            **largest,
        )


class RmsProp(_Ruled, keras.optimizers.RMSprop):
    """Epsilon outside the root."""

    def __init__(self, rule: Optimizer) -> None:
        super().__init__(rule.lr, rho=rule.alpha, epsilon=rule.eps)
        self.rule = rule
        self.decay = rule.weight_decay

    def update_step(
        self,
        gradient: Tensor,
        variable: tf.Variable,
        learning_rate: Tensor,
    ) -> None:
        """One parameter."""
        gradient = _decayed(gradient, variable, self.decay)
        at = self._get_variable_index(variable)
        learning_rate = self.rated(learning_rate, at)
        square = self._velocities[at].value
        square.assign(square * self.rho + tf.square(gradient) * (1 - self.rho))
        variable.assign_sub(gradient / (tf.sqrt(square) + self.epsilon) * learning_rate)


def native_optimizer(
    rule: Optimizer,
    names: Sequence[str] = (),
) -> keras.optimizers.Optimizer:
    """The Keras optimizer that follows a written rule, for parameters of these names."""
    classes = {"sgd": Sgd, "adam": Adam, "adamw": Adam, "rmsprop": RmsProp}
    if rule.rule not in classes:
        said = "backends/tensorflow/train.py has no rule for it"
        raise Unsupported(f"optimizer {rule.rule}: {said}")
    made = classes[rule.rule](rule)
    made.factors = tuple(map(rule.factor, names)) if rule.rates else ()
    return made


# Keras' lists of what a rule keeps of the parameters, in the rule's order
SLOTS = {
    "sgd": ("momentums",),
    "rmsprop": ("_velocities",),
    "adam": ("_momentums", "_velocities", "_velocity_hats"),
    "adamw": ("_momentums", "_velocities", "_velocity_hats"),
}
SCALING = ("step_counter", "dynamic_scale")


class TensorFlowTrainer(Trainer):
    """Forward, in mixed precision where asked for, backward, step; float16 losses are scaled."""

    def __init__(
        self,
        graph: Graph,
        optimizer: Optimizer,
        settings: Settings,
    ) -> None:
        self.program: TensorFlowProgram = TensorFlowProgram(graph, settings)
        arrays = self.program.native.arrays()
        self._names = graph.trainable()
        self._replicas: Replicas | None = None
        if settings.replicas > 1:
            kind = KINDS[settings.device]
            self._replicas = Replicas(self.program.native, kind, settings.replicas)
        self._rule = optimizer
        self._variables = [arrays[name] for name in self._names]
        with tf.device(self.program.place):
            self.optimizer = native_optimizer(optimizer, self._names)
            if settings.precision == "fp16":
                # float16 has no gradient below 6e-8; bfloat16 has the range of float32
                self.optimizer = keras.optimizers.LossScaleOptimizer(self.optimizer)
            # now: variables cannot be made inside a tf.function that has run
            self.optimizer.build(self._variables)
        self._gradients = self.program.traced(self._differentiate)
        self._step = self.program.traced(self._advance)
        self._apply = self.program.traced(self._update)
        self._part = self.program.traced(self._scaled)
        self._add = self.program.traced(_summed)
        self._end = self.program.traced(self._ended)

    def gradients(self, feeds: Feeds) -> tuple[float, dict[str, np.ndarray]]:
        """Loss and gradients."""
        loss, grads = self._gradients(feeds)
        arrays = map(self.program.numpy, grads)
        return float(loss), dict(zip(self._names, arrays, strict=True))

    def apply(self, grads: Arrays) -> None:
        """The optimizer alone."""
        self._apply(
            {name: tf.constant(grads[name], tf.float32) for name in self._names}
        )

    def step(self, feeds: Feeds, *more: Feeds) -> Any:
        """One optimizer step; of several batches, in one call for each and one for the update."""
        if not more:
            return self._step(feeds)
        loss, grads = self._part(feeds)
        # one after the other: within one function TensorFlow would hold them all at once
        for each in more:
            loss, grads = self._add(((loss, grads), self._part(each)))
        return self._end((loss, grads, tf.constant(1.0 + len(more))))

    def set_lr(self, lr: float) -> None:
        """Learning rate of the steps to come."""
        self.optimizer.learning_rate = lr

    def state(self) -> dict[str, np.ndarray]:
        """As `backends/slots.py` has it, and where the noise generator stands."""
        held = self._state().items()
        return {name: np.array(variable.numpy()) for name, variable in held}

    def load_state(self, state: Arrays) -> None:
        """Take what `state` gave, here or in another framework.

        Raises BadInput where it is of another optimizer.
        """
        names = {variable.name: name for name, variable in self._slots().items()}
        state = renamed(state, names)
        shapes = {
            name: tuple(variable.shape)
            for name, variable in zip(self._names, self._variables, strict=True)
        }
        found = whole(state, shapes, self._rule)
        for name, variable in self._state().items():
            # what is TensorFlow's own, another framework's state has not
            if name in found or name in state:
                variable.assign(found[name] if name in found else state[name])

    def _state(self) -> dict[str, keras.Variable]:
        found = self._slots()
        taken = [id(variable) for variable in found.values()]
        # how a loss is scaled; the learning rate is the caller's
        for variable in self.optimizer.variables:
            if id(variable) not in taken and variable.name in SCALING:
                found[variable.name] = variable
        # a model that draws nothing has none
        seed = getattr(self.program.native, "noise_seed", None)
        return found if seed is None else {**found, NOISE: seed.state}

    def _slots(self) -> dict[str, keras.Variable]:
        """Steps and slots by the names of checkpoints."""
        native = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        found = {STEPS: native.iterations}
        for i, own in enumerate(SLOTS[self._rule.rule][: self._rule.slots()]):
            # Keras makes no velocity where there is no momentum
            variables = getattr(native, own, None) or []
            for name, variable in zip(self._names, variables, strict=bool(variables)):
                found[slot(name, i)] = variable
        return found

    def _differentiate(self, feeds: Feeds) -> tuple[Tensor, list[Tensor]]:
        """Loss and its unscaled gradients."""
        if self._replicas:
            return self._replicas.differentiate(feeds, self._names, tf.identity)
        with tf.GradientTape() as tape:
            loss = self.program.native.compute(feeds)["loss"]
        return loss, self._dense(tape, loss)

    def _scaled(self, feeds: Feeds) -> tuple[Tensor, list[Tensor]]:
        """Loss and the gradients of the loss as the optimizer scales it."""
        if self._replicas:
            scale = self.optimizer.scale_loss
            return self._replicas.differentiate(feeds, self._names, scale)
        with tf.GradientTape() as tape:
            loss = self.program.native.compute(feeds)["loss"]
            scaled = self.optimizer.scale_loss(loss)
        return loss, self._dense(tape, scaled)

    def _advance(self, feeds: Feeds) -> Tensor:
        loss, grads = self._scaled(feeds)
        # `apply` scales the gradients back, and leaves the step out where one is not finite
        self.optimizer.apply(grads, self._variables)
        return loss

    def _ended(self, total: tuple[Tensor, list[Tensor], Tensor]) -> Tensor:
        loss, grads, count = total
        self.optimizer.apply([grad / count for grad in grads], self._variables)
        return loss / tf.cast(count, loss.dtype)

    def _update(self, grads: Feeds) -> None:
        # they come as the rule takes them, and `apply` would scale them back
        scaled = [self.optimizer.scale_loss(grads[name]) for name in self._names]
        self.optimizer.apply(scaled, self._variables)

    def _dense(self, tape: tf.GradientTape, loss: Tensor) -> list[Tensor]:
        """Whole arrays, in zeros where a parameter has no part in the loss."""
        variables = [variable.value for variable in self._variables]
        zeros = tf.UnconnectedGradients.ZERO
        grads = tape.gradient(loss, variables, unconnected_gradients=zeros)
        # rows gathered from a table come as those rows alone
        return [tf.convert_to_tensor(grad) for grad in grads]


def clipped(grads: list[Tensor], rule: Optimizer) -> list[Tensor]:
    """The gradients as the rule is to take them."""
    if rule.clip_value is not None:
        most = rule.clip_value
        grads = [tf.clip_by_value(grad, -most, most) for grad in grads]
    if rule.clip_norm is not None:
        factor = rule.clip_norm / (tf.linalg.global_norm(grads) + NEAR_ZERO)
        factor = tf.minimum(factor, 1.0)
        grads = [grad * factor for grad in grads]
    return grads


def _summed(pair: tuple[Any, Any]) -> Any:
    return tf.nest.map_structure(tf.add, *pair)


def _decayed(
    gradient: Tensor,
    variable: tf.Variable,
    decay: float,
) -> Tensor:
    """Decay as part of the gradient."""
    return gradient + variable * decay if decay else gradient


def _rounded(beta: float) -> Tensor:
    """The float32 number that the fused step works with: its correction is then the exact one."""
    return tf.constant(float(np.float32(beta)), tf.float64)
