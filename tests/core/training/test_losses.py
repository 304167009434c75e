from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_probinst.core.config import LossConfig
from napari_probinst.core.training.losses import discriminative_terms, instance_loss


def _brute_force(embeddings, labels, delta_d, squared):
    """Equations 1 to 3, one pixel and one ordered pair of instances after the other."""
    members = {}
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            if labels[y, x]:
                members.setdefault(int(labels[y, x]), []).append(embeddings[:, y, x])
    zero = torch.zeros(())
    if not members:
        return zero, zero, zero
    n = len(members)
    centres = {c: sum(pixels) / len(pixels) for c, pixels in members.items()}
    variance = distance = regulariser = zero
    for c, pixels in members.items():
        for pixel in pixels:
            variance = variance + ((centres[c] - pixel) ** 2).sum() / len(pixels) / n
        regulariser = regulariser + (centres[c] ** 2).sum() / n
    for a in members:
        for b in members:
            if a != b:
                apart = ((centres[a] - centres[b]) ** 2).sum()
                gap = 2 * delta_d - (apart if squared else apart.sqrt())
                distance = distance + torch.relu(gap) ** 2 / (n * (n - 1))
    return variance, distance, regulariser


LABELS = {
    "none": [[0, 0, 0], [0, 0, 0]],
    "one pixel": [[0, 0, 0], [0, 5, 0]],
    "one instance": [[1, 1, 0], [0, 1, 0]],
    "three instances": [[1, 1, 2], [3, 3, 0]],
    "labels far apart": [[7, 7, 900_000], [12, 0, 12]],
    "no background": [[1, 2, 2], [1, 1, 2]],
}


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("kind", LABELS)
def test_terms_and_gradients_equal_a_loop(kind, squared):
    labels = torch.tensor(LABELS[kind])
    results, gradients = [], []
    for function in (discriminative_terms, _brute_force):
        generator = torch.Generator().manual_seed(4)
        embeddings = torch.randn(3, 2, 3, generator=generator, requires_grad=True)
        terms = (
            function(embeddings, labels, delta_d=1.5, squared=squared)
            if function is discriminative_terms
            else function(embeddings, labels, 1.5, squared)
        )
        total = 1.0 * terms[0] + 2.0 * terms[1] + 3.0 * terms[2]
        if total.requires_grad:
            total.backward()
        results.append(torch.stack([term.detach() for term in terms]))
        gradients.append(
            torch.zeros(3, 2, 3) if embeddings.grad is None else embeddings.grad.clone()
        )
    torch.testing.assert_close(*results, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(*gradients, atol=1e-5, rtol=1e-5)


def test_by_hand():
    # Centres (0, 1) and (4, 1): variance (1 + 1) / 2 and 0; 2 x 4 - 4 = 4; (1 + 17) / 2 = 9.
    embeddings = torch.tensor([[[0.0, 0.0, 4.0]], [[0.0, 2.0, 1.0]]])
    terms = discriminative_terms(embeddings, torch.tensor([[1, 1, 2]]))
    assert [float(term) for term in terms] == pytest.approx([0.5, 16.0, 9.0])
    printed = discriminative_terms(embeddings, torch.tensor([[1, 1, 2]]), squared=True)
    assert float(printed.distance) == 0.0  # the squared distance, 16, is beyond the hinge


def test_clusters_farther_apart_than_the_hinge_are_left_alone():
    embeddings = torch.tensor([[[0.0, 8.5]]], requires_grad=True)
    terms = discriminative_terms(embeddings, torch.tensor([[1, 2]]))
    assert float(terms.distance.detach()) == 0.0


@pytest.mark.parametrize("squared", [False, True])
def test_coincident_centres_have_a_finite_gradient(squared):
    embeddings = torch.ones(3, 1, 2, requires_grad=True)
    terms = discriminative_terms(embeddings, torch.tensor([[1, 2]]), squared=squared)
    assert float(terms.distance.detach()) == pytest.approx(64.0, abs=1e-3)
    terms.distance.backward()
    assert torch.isfinite(embeddings.grad).all()


@pytest.mark.parametrize("kind", ["none", "one instance"])
def test_backward_works_without_pairs(kind):
    embeddings = torch.randn(3, 2, 3, requires_grad=True)
    sum(discriminative_terms(embeddings, torch.tensor(LABELS[kind]))).backward()
    assert torch.isfinite(embeddings.grad).all()


@settings(derandomize=True, max_examples=20, deadline=None)
@given(st.permutations([1, 2, 3, 40]))
def test_the_numbers_of_the_labels_mean_nothing(numbers):
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(2, 4, 4, generator=generator)
    labels = torch.randint(0, 5, (4, 4), generator=generator)
    renamed = torch.tensor([0, *numbers])[labels]
    torch.testing.assert_close(
        torch.stack(discriminative_terms(embeddings, renamed)),
        torch.stack(discriminative_terms(embeddings, labels)),
    )


def test_half_precision_embeddings_are_summed_in_float32():
    labels = torch.ones(64, 64, dtype=torch.int64)
    embeddings = torch.full((1, 64, 64), 3.0, dtype=torch.bfloat16)
    terms = discriminative_terms(embeddings, labels)
    assert terms.regulariser.dtype == torch.float32
    assert float(terms.regulariser) == pytest.approx(9.0)  # bfloat16 sums stop at 256 x 3
    assert float(terms.variance) == pytest.approx(0.0)


def _batch():
    generator = torch.Generator().manual_seed(1)
    embeddings = torch.randn(2, 3, 2, 3, generator=generator)
    logits = torch.randn(2, 3, 2, 3, generator=generator)
    labels = torch.tensor([LABELS["three instances"], LABELS["none"]])
    classes = torch.tensor([[[1, 1, 1], [1, 1, 2]], [[0, 0, 0], [0, 0, 0]]])
    return embeddings, logits, labels, classes


def test_a_batch_is_the_mean_of_its_images():
    embeddings, logits, labels, classes = _batch()
    loss = instance_loss(embeddings, logits, labels, classes, LossConfig())
    variance, distance, regulariser = _brute_force(embeddings[0], labels[0], 4.0, False)
    assert float(loss["variance"]) == pytest.approx(float(variance) / 2, rel=1e-5)
    assert float(loss["distance"]) == pytest.approx(float(distance) / 2, rel=1e-5)
    assert float(loss["regulariser"]) == pytest.approx(0.001 * float(regulariser) / 2, rel=1e-5)


def test_the_class_term_is_cross_entropy_over_all_pixels():
    embeddings, logits, labels, classes = _batch()
    plain = LossConfig(class_weight=1, overlap_weight=1)
    loss = instance_loss(embeddings, logits, labels, classes, plain)
    chosen = logits.log_softmax(1).gather(1, classes[:, None])
    assert float(loss["classes"]) == pytest.approx(-float(chosen.mean()), rel=1e-5)


def test_overlaps_weigh_more_in_the_class_term():
    embeddings, logits, labels, classes = _batch()
    config = LossConfig(class_weight=1, overlap_weight=4)
    loss = instance_loss(embeddings, logits, labels, classes, config)
    chosen = -logits.log_softmax(1).gather(1, classes[:, None])[:, 0]
    weights = torch.where(classes == 2, 4.0, 1.0)
    # A mean over each image, and then over the batch: it can be shared among processes.
    expected = ((weights * chosen).sum(dim=(1, 2)) / weights.sum(dim=(1, 2))).mean()
    assert float(loss["classes"]) == pytest.approx(float(expected), rel=1e-5)


def test_weights_and_norm_come_from_the_configuration():
    plain = instance_loss(*_batch(), LossConfig(class_weight=1))
    config = LossConfig(
        variance_weight=2, distance_weight=3, regulariser_weight=0.004, class_weight=5
    )
    weighted = instance_loss(*_batch(), config)
    factors = {"variance": 2, "distance": 3, "regulariser": 4, "classes": 5}
    for name, factor in factors.items():
        assert float(weighted[name]) == pytest.approx(factor * float(plain[name]), rel=1e-5)
    squared = instance_loss(*_batch(), LossConfig(distance_norm="squared"))
    assert float(squared["distance"]) != pytest.approx(float(plain["distance"]))
