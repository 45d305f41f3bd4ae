import msgspec
import pytest

from drift_detectors.policy import EffectThresholds, Policy, PolicyError, load_policy

# Policies refer to alpha between 0 and 1, windows of at least one row, k of n with 1 <= k <= n, and so on.
BAD_VALUES = {
    "window_size": ["0", "-5", "1.5", "many", "null"],
    "window_max_age_seconds": ["0", "-1", ".nan", "soon"],
    "minimum_rows": ["0", "501", "x"],
    "alpha": ["0", "1", "-0.05", "5", ".nan", "small"],
    "correction": ["holms", "null", "3"],
    "drift_when_flagged_in": ["0", "5"],
    "of_last_windows": ["2", "0"],
    "effect_thresholds.wasserstein": ["-0.1", ".nan", "big"],
    "effect_thresholds.jensen_shannon": ["-0.1", ".nan", "big"],
}


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "policy.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_the_defaults():
    policy = Policy()

    assert (policy.window_size, policy.alpha, policy.correction) == (500, 0.05, "holm")
    assert policy.effect_thresholds == EffectThresholds(0.1, 0.1)
    assert (policy.drift_when_flagged_in, policy.of_last_windows) == (3, 4)


def test_keys_left_out_keep_their_defaults(write):
    policy = load_policy(write("window_size: 300\neffect_thresholds:\n  wasserstein: 0.2\n"))

    assert policy == Policy(window_size=300, effect_thresholds=EffectThresholds(wasserstein=0.2))


def test_every_key_can_be_set(write):
    given = Policy(
        window_size=80,
        window_max_age_seconds=30.0,
        minimum_rows=40,
        alpha=0.01,
        correction="benjamini-hochberg",
        effect_thresholds=EffectThresholds(0.3, 0.4),
        drift_when_flagged_in=2,
        of_last_windows=5,
    )

    assert load_policy(write(msgspec.yaml.encode(given).decode())) == given
    # JSON is YAML.
    assert load_policy(write(msgspec.json.encode(given).decode())) == given


@pytest.mark.parametrize("text", ["windowsize: 300", "effect_thresholds: {wassersteins: 0.2}"])
def test_an_unknown_key_is_named(write, text):
    with pytest.raises(PolicyError, match=r"wassersteins|windowsize") as failed:
        load_policy(write(text))

    assert "policy.yaml" in str(failed.value)


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in BAD_VALUES.items() for value in values])
def test_a_bad_value_is_named_by_its_key(write, key, value):
    *parents, name = key.split(".")
    text = f"{parents[0]}: {{{name}: {value}}}" if parents else f"{name}: {value}"

    with pytest.raises(PolicyError) as failed:
        load_policy(write(text))

    assert "policy.yaml" in str(failed.value)
    assert name in str(failed.value)


@pytest.mark.parametrize("text", ["- 1\n- 2\n", "window", "", "alpha: [", "alpha: 0.05\n alpha: 0.1", "\x00"])
def test_a_file_that_is_no_mapping_is_no_policy(write, text):
    with pytest.raises(PolicyError, match=r"policy\.yaml"):
        load_policy(write(text))


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_bytes(b"alpha: \xff\xfe\n")

    with pytest.raises(PolicyError, match=r"policy\.yaml"):
        load_policy(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(PolicyError, match=r"absent\.yaml: cannot be read: No such file"):
        load_policy(tmp_path / "absent.yaml")
