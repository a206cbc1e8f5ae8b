import numpy as np
import pytest
from scipy.signal import welch

from datasets.montage import known_positions, on_the_scalp, plain_name, positions
from datasets.synthetic import eeg
from datasets.uci_eeg import ELECTRODES, NOT_ON_THE_SCALP


@pytest.fixture(scope="module")
def made():
    return eeg.simulate(subjects=3, trials=60, seed=4)


def test_the_same_seed_gives_the_same_bytes(made):
    again = eeg.simulate(subjects=3, trials=60, seed=4)
    assert made.signals.tobytes() == again.signals.tobytes()
    assert not np.array_equal(made.signals, eeg.simulate(subjects=3, trials=60, seed=5).signals)


def test_shapes_subjects_and_classes(made):
    assert made.signals.shape == (180, 64, 256)
    assert made.signals.dtype == np.float32
    assert np.bincount(made.labels).tolist() == [60, 60, 60]
    assert sorted(set(made.subjects.tolist())) == ["simulated-01", "simulated-02", "simulated-03"]


@pytest.mark.parametrize("kind", range(3))
def test_a_class_has_its_power_at_its_place_and_frequency(made, kind):
    rhythm = eeg.RHYTHMS[kind]
    electrode = ELECTRODES.index(rhythm.electrode)
    frequency, power = welch(made.signals[:, electrode].astype(np.float64), fs=256, nperseg=256)
    inside = np.abs(frequency - rhythm.hertz) <= 1.5
    band = power[:, inside].mean(axis=1)
    others = band[made.labels != kind].mean()
    assert band[made.labels == kind].mean() > 2 * others


def test_the_noise_falls_as_one_over_f(made):
    frequency, power = welch(made.signals[:, ELECTRODES.index("X")].astype(np.float64), fs=256, nperseg=256)
    used = (frequency >= 2) & (frequency <= 60)
    slope = np.polyfit(np.log(frequency[used]), np.log(power.mean(axis=0)[used]), 1)[0]
    assert slope == pytest.approx(-1, abs=0.25)


def test_amplitudes_are_those_of_eeg_in_volts(made):
    assert 2e-6 < made.signals.std() < 4e-5


def test_montage_knows_every_scalp_electrode_of_the_database():
    missing = {name for place, name in enumerate(ELECTRODES) if place not in on_the_scalp(ELECTRODES)}
    assert missing == set(NOT_ON_THE_SCALP)


def test_positions_lie_on_a_sphere_with_the_nose_at_positive_y():
    points = np.array(list(known_positions().values()))
    radii = np.linalg.norm(points, axis=1)
    assert radii.std() / radii.mean() < 0.1
    front, right, top = positions(["FPZ", "T8", "Cz"])
    assert front[1] > 0.05
    assert right[0] > 0.05
    assert top[2] > 0.05


@pytest.mark.parametrize(
    ("written", "name"), [("EEG Fp1-REF", "FP1"), ("Fc5.", "FC5"), ("Cz", "CZ"), (" O1 ", "O1"), ("EEG O2", "O2")]
)
def test_recorders_decorations_are_taken_off(written, name):
    assert plain_name(written) == name
