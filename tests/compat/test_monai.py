"""MONAI transforms against Cormack called by hand, and MONAI's own handling of them: geometry, Compose, workers."""

from __future__ import annotations

import inspect
import pickle
import warnings

import numpy as np
import pytest

from cormack import GeometryError, Volume, enhance, features, filters, segment

torch = pytest.importorskip("torch")
pytest.importorskip("monai")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from monai.data import DataLoader, Dataset, MetaTensor
    from monai.transforms import Compose, EnsureChannelFirstd, Flipd, Spacing

    from cormack.compat import monai as cm

RANDOM = np.random.default_rng(3)
IMAGE = RANDOM.integers(-500, 500, (2, 9, 10, 11)).astype(np.float32)
# Axes of the array to RAS: turned, and each with its own length.
AFFINE = np.array([[0, -0.8, 0, 7], [0.9, 0, 0, -5], [0, 0, 3.0, 20], [0, 0, 0, 1]])
SPACING = (0.9, 0.8, 3.0)


def meta_tensor(array=IMAGE, affine=AFFINE):
    image = MetaTensor(array.copy(), affine=affine, meta={"filename_or_obj": "ct.nii"})
    image.applied_operations = [{"class": "Something"}]
    return image


def each(function, image=IMAGE):
    return np.stack([function(channel) for channel in image])


@pytest.mark.parametrize(
    ("transform", "function"),
    [
        (cm.MedianFilter(3), lambda one: filters.median_filter(one, 3)),
        (cm.GaussianFilter(2.0, unit="mm"), lambda one: filters.gaussian_filter(Volume(one, SPACING), 2.0, unit="mm")),
        (cm.EqualizeAdapthist(clip_limit=0.02), lambda one: enhance.equalize_adapthist(one, clip_limit=0.02)),
        (cm.Window(40, 400, dtype=np.uint8), lambda one: enhance.window(one, 40, 400, dtype=np.uint8)),
        (cm.Normalize("minmax"), lambda one: enhance.normalize(one, "minmax")),
        (
            cm.ConnectedThreshold((4, 4, 4), lower=-400, upper=400),
            lambda one: segment.connected_threshold(one, (4, 4, 4), -400, 400),
        ),
        (cm.Apply(segment.label, connectivity=3), lambda one: segment.label(one, connectivity=3)[0]),
        (cm.DistanceTransform(), lambda one: segment.distance_transform_edt(one, SPACING)),
        (cm.DistanceTransform(sampling=2.0), lambda one: segment.distance_transform_edt(one, 2.0)),
        (cm.UniformFilter(3, mask=IMAGE[:1] > 0), lambda one: filters.uniform_filter(one, 3, mask=IMAGE[0] > 0)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, cm.Apply) else "",
)
def test_each_channel_is_what_cormack_makes_of_it(transform, function):
    image = meta_tensor(np.rint(IMAGE) if not isinstance(transform, cm.DistanceTransform) else IMAGE > -300)
    expected = each(lambda one: np.asarray(function(one)), image.numpy())
    result = transform(image)
    assert isinstance(result, MetaTensor)
    np.testing.assert_array_equal(result.numpy(), expected)
    assert result.numpy().dtype == expected.dtype
    assert result.affine.equal(image.affine)
    assert result.meta["filename_or_obj"] == "ct.nii"
    assert result.applied_operations == image.applied_operations
    again = pickle.loads(pickle.dumps(transform))
    assert type(again) is type(transform)
    np.testing.assert_array_equal(again(image).numpy(), expected)


def test_what_comes_in_goes_out():
    expected = each(lambda one: filters.median_filter(one, 3))
    for image in (IMAGE, torch.from_numpy(IMAGE)):
        result = cm.MedianFilter(3)(image)
        assert type(result) is type(image)
        np.testing.assert_array_equal(np.asarray(result), expected)
    # 2-D, a view, one channel.
    flat = torch.from_numpy(IMAGE).permute(0, 3, 2, 1)[1:, 4]
    np.testing.assert_array_equal(cm.MedianFilter(3)(flat)[0].numpy(), filters.median_filter(flat[0].numpy(), 3))
    slices = meta_tensor(IMAGE[:, 0], AFFINE[:, [1, 2, 0, 3]])
    smooth = cm.GaussianFilter(2.0, unit="mm")(slices)
    np.testing.assert_array_equal(smooth[1].numpy(), filters.gaussian_filter(IMAGE[1, 0], (2 / 0.8, 2 / 3.0)))


def test_dictionaries_have_their_keys_and_parameters_of_a_case():
    case = {"ct": meta_tensor(), "body": meta_tensor(IMAGE[:1] > 0), "seeds": [(4, 4, 4), (5, 5, 5)], "id": 7}
    chain = Compose(
        [
            cm.UniformFilterd("ct", 3, from_keys={"mask": "body"}),
            cm.ConnectedThresholdd("ct", lower=-400, upper=400, from_keys={"seeds": "seeds"}),
        ]
    )
    result = chain(case)
    smooth = each(lambda one: filters.uniform_filter(one, 3, mask=IMAGE[0] > 0))
    grown = each(lambda one: segment.connected_threshold(one, case["seeds"], -400, 400), smooth)
    np.testing.assert_array_equal(result["ct"].numpy(), grown)
    assert result["id"] == 7
    assert case["ct"].equal(meta_tensor()), "the case is changed"
    with pytest.raises(KeyError, match="`mask` comes from key 'body', which is missing"):
        chain.transforms[0]({"ct": case["ct"]})
    with pytest.raises(KeyError, match="Key `pet` of transform `MedianFilterd` was missing"):
        cm.MedianFilterd(["ct", "pet"], 3)(case)
    assert "pet" not in cm.MedianFilterd(["ct", "pet"], 3, allow_missing_keys=True)(case)


def test_chains_with_transforms_of_monai_run_in_workers_and_turn_back():
    chain = Compose([Flipd("ct", 1), cm.MedianFilterd("ct", 3), EnsureChannelFirstd("ct", channel_dim=0)])
    found = chain({"ct": meta_tensor()})
    turned = filters.median_filter(IMAGE[0, :, ::-1], 3)
    np.testing.assert_array_equal(found["ct"][0].numpy(), turned)
    data = Dataset([{"ct": meta_tensor(IMAGE[:, :4])} for _ in range(2)], chain)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        batches = [batch["ct"] for batch in DataLoader(data, batch_size=1, num_workers=2)]
    assert len(batches) == 2
    for batch in batches:
        np.testing.assert_array_equal(batch[0].numpy(), chain({"ct": meta_tensor(IMAGE[:, :4])})["ct"].numpy())


def test_lazy_chains_give_what_eager_ones_do():
    steps = [Spacing((1.0, 1.0, 1.5)), cm.GaussianFilter(2.0, unit="mm")]
    eager, lazy = (Compose(steps, lazy=lazy)(meta_tensor()) for lazy in (False, True))
    assert lazy.affine.equal(eager.affine)
    np.testing.assert_allclose(lazy.numpy(), eager.numpy(), atol=1e-3)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.45, 1.6, 2.0)])
def test_resampled_images_keep_their_place(spacing):
    image = meta_tensor()
    result = cm.Resample(spacing)(image)
    turned = AFFINE[:, [2, 1, 0, 3]]
    expected = [Volume.from_affine(one, turned).resample(spacing) for one in IMAGE]
    np.testing.assert_allclose(result.affine.numpy(), expected[0].affine[:, [2, 1, 0, 3]], atol=1e-12)
    np.testing.assert_allclose(result.numpy(), [one.array for one in expected], atol=1e-4)
    np.testing.assert_allclose(result.pixdim, spacing)
    # MONAI's own moves no centre either, where it is told not to.
    own = Spacing(spacing, scale_extent=True)(image[:1])
    if own.shape[1:] == result.shape[1:]:
        np.testing.assert_allclose(own.affine, result.affine, atol=1e-6)


def test_resampling_is_turned_back_by_compose():
    smooth = meta_tensor(each(lambda one: filters.gaussian_filter(one, 2.0)))
    labels = meta_tensor(IMAGE[:1] > 0)
    chain = Compose([cm.Resampled(["ct", "mask"], 0.7, (None, "nearest")), cm.MedianFilterd("mask", 1)])
    found = chain({"ct": smooth, "mask": labels})
    assert found["mask"].dtype == torch.bool
    assert found["ct"].shape[1:] == found["mask"].shape[1:] != smooth.shape[1:]
    back = chain.inverse(found)
    assert back["ct"].affine.equal(smooth.affine)
    assert back["ct"].shape == smooth.shape
    assert back["ct"].applied_operations == smooth.applied_operations
    assert np.abs(back["ct"].numpy() - smooth.numpy())[:, 1:-1, 1:-1, 1:-1].max() < 0.2 * smooth.std()
    np.testing.assert_array_equal(back["mask"].numpy(), labels.numpy())


def test_radiomics_are_those_of_the_volume():
    image, mask = meta_tensor(), meta_tensor((IMAGE[:1] > 0).astype(np.uint8) * 3)
    settings = {"families": ["morphology", "first_order"]}
    expected = [features.radiomics(Volume(one, SPACING), mask[0].numpy(), settings=settings, label=3) for one in IMAGE]
    assert cm.Radiomics(settings, 3)(image[:1], mask) == dict(expected[0])
    both = cm.Radiomics(settings, 3)(image, mask)
    assert both == {f"c{i}_{name}": value for i, one in enumerate(expected) for name, value in one.items()}
    case = cm.Radiomicsd(["ct", "pet"], "mask", settings, 3, allow_missing_keys=True)({"ct": image, "mask": mask})
    assert case["ct_radiomics"] == both
    assert list(case) == ["ct", "mask", "ct_radiomics"]
    with pytest.raises(KeyError, match="`mask_key` is 'mask', which is missing"):
        cm.Radiomicsd("ct", "mask")({"ct": image})


def shears():
    affine = AFFINE.copy()
    affine[0, 0] = 0.1
    return meta_tensor(affine=affine)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: cm.MedianFilter(sized=3), TypeError, "median_filter: got an unexpected keyword argument 'sized'"),
        (lambda: cm.Applyd("ct", filters.sobel, from_keys={"seeds": "s"}), TypeError, "sobel: got an unexpected"),
        (lambda: cm.Apply(3), TypeError, "Apply: `function` must be callable, got 3"),
        (lambda: cm.Window(40, 400, out=IMAGE), ValueError, "window: `out` must not be given to a transform"),
        (lambda: cm.MedianFilter(3)(IMAGE.tolist()), TypeError, "`img` must be a NumPy array or a tensor, got <class"),
        (lambda: cm.MedianFilter(3)(IMAGE[0, 0]), ValueError, r"`img` must have a channel first .* got shape \(10, 11"),
        (lambda: cm.MedianFilter(3)(IMAGE[:0]), ValueError, r"`img` must have a channel first .* \(0, 9, 10, 11\)"),
        (lambda: cm.MedianFilter(3)(torch.ones(1, 3, 3).half()), TypeError, "`input` must have one of .* got float16"),
        (lambda: cm.Apply(segment.threshold_otsu)(IMAGE), ValueError, "the result must be an image .* got float"),
        (
            lambda: cm.Apply(filters.hessian_matrix)(IMAGE),
            ValueError,
            "the result must be an image of shape .* one of",
        ),
        (
            lambda: cm.GaussianFilter(1, unit="mm")(shears()),
            ValueError,
            "gaussian_filter: the affine of the image is sheared",
        ),
        (lambda: cm.Resample(1)(IMAGE), TypeError, "Resample: `img` must be a MetaTensor, which has a spacing"),
        (lambda: cm.Resample(1)(meta_tensor().requires_grad_()), TypeError, "must not require gradients"),
        (lambda: cm.Resample(1)(meta_tensor().bfloat16()), TypeError, "resample: .* got bfloat16"),
        (lambda: cm.Radiomics()(IMAGE, IMAGE[0] > 0), TypeError, "Radiomics: `mask` must be an image with 4 axes"),
        (
            lambda: cm.UniformFilter(3, mask=IMAGE[:, :4] > 0)(IMAGE),
            ValueError,
            r"`mask` must have the shape of the image, \(2, 9, 10, 11\), or one channel of it, got \(2, 4, 10, 11\)",
        ),
        (
            lambda: cm.UniformFilter(3)(meta_tensor(), mask=meta_tensor(IMAGE > 0, np.eye(4))),
            GeometryError,
            r"uniform_filter: `mask` must lie on the grid of the image, up to .* mm lie between voxels",
        ),
    ],
)
def test_wrong_things_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_sheared_image_is_no_matter_where_lengths_are_not():
    spared = cm.Apply(segment.fill_holes)
    assert spared(meta_tensor(IMAGE > 0, shears().affine.numpy())).dtype == torch.bool
    for transform in (cm.GaussianFilter(1), cm.GaussianFilter(1, unit="mm", spacing=1.0)):
        np.testing.assert_array_equal(transform(shears())[1].numpy(), filters.gaussian_filter(IMAGE[1], 1))


def test_every_named_transform_is_both_and_says_what_it_is():
    names = set(cm.__all__)
    for name in names:
        transform = getattr(cm, name)
        assert transform.__doc__
        assert transform.__name__ == name
        assert transform.__module__.startswith("cormack.compat.monai")
        assert name + "d" in names or (name[-1] == "d" and name[:-1] in names)
    assert list(inspect.signature(cm.MedianFilterd).parameters)[:2] == ["keys", "size"]
    assert "`cormack.filters.median_filter`" in cm.MedianFilter.__doc__
