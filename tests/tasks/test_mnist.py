import numpy as np

from multiunit.tasks.mnist import mnist


def test_digits_in_an_order_of_their_own_with_what_they_show(shared_data):
    folder = shared_data("mnist")
    images, labels = mnist(random_state=1)
    again, _ = mnist(random_state=1)
    assert images.shape[1:] == (1, 28, 28)
    assert images.dtype == np.float32
    assert images.min() == 0
    assert images.max() == 1
    assert (images == again).all()
    with np.load(folder / "mnist.npz") as file:
        stored, named = file["images"], file["labels"]
    row = int(np.flatnonzero((stored.astype(np.float32) / 255 == images[0, 0]).all(axis=(1, 2)))[0])
    assert named[row] == labels[0]
    assert np.bincount(labels).tolist() == np.bincount(named).tolist()
    assert (mnist(random_state=2)[1] != labels).any()
