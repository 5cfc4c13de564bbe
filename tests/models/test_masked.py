"""Laws of masked networks: causality by gradients, contexts that reach all, weights that no mask lets through."""

from __future__ import annotations

import pytest
import torch
from torch.func import jacrev

from models.masked import MaskedLinear, MaskedPerceptron
from models.weights import glorot


@pytest.mark.parametrize("hidden", [(), (3,), (16,), (20, 9), (40, 30, 35)])
@pytest.mark.parametrize("context", [0, 2])
@pytest.mark.parametrize("size", [1, 2, 7])
def test_an_output_depends_on_all_variables_before_it_and_on_no_other(size, context, hidden):
    torch.manual_seed(0)
    network = MaskedPerceptron(size, 3, hidden, context=context).double()
    x = torch.randn(size, dtype=torch.float64)
    given = torch.randn(context, dtype=torch.float64) if context else None
    by_x = jacrev(lambda x: network(x, given))(x).abs().amax(1)  # (D of outputs, D of inputs)
    assert (by_x[torch.ones_like(by_x).triu().bool()] == 0).all()
    if all(width >= size for width in hidden):  # wide enough to have a unit for each number of variables seen
        assert (by_x[torch.ones_like(by_x).tril(-1).bool()] > 0).all()
    if context:
        by_context = jacrev(lambda given: network(x, given))(given).abs().amax(1)
        assert by_context.shape == (size, context)
        if not hidden or min(hidden) >= size:
            assert (by_context > 0).all()


def test_a_context_is_broadcast_and_any_leading_dimensions_go():
    torch.manual_seed(0)
    network = MaskedPerceptron(4, 2, (8,), context=3)
    x, context = torch.randn(5, 6, 4), torch.randn(6, 3)
    found = network(x, context)
    assert found.shape == (5, 6, 4, 2)
    torch.testing.assert_close(found[2, 3], network(x[2, 3], context[3]))


def test_weights_behind_a_mask_have_no_say_and_other_rules_leave_masked_layers_alone():
    torch.manual_seed(0)
    layer = MaskedLinear(torch.tensor([[1, 0], [1, 1]]))
    x = torch.randn(3, 2)
    before, weight = layer(x), layer.weight.detach().clone()
    with torch.no_grad():
        layer.weight[0, 1] = 100.0
    assert torch.equal(layer(x), before)
    with torch.no_grad():
        layer.weight.copy_(weight)
    glorot(torch.nn.Sequential(layer))
    assert torch.equal(layer.weight, weight)


def test_a_small_gain_starts_near_the_bias():
    torch.manual_seed(0)
    network = MaskedPerceptron(3, 2, (16,), gain=1e-3)
    assert network(torch.randn(100, 3)).abs().max() < 0.01
