import numpy as np
import pytest

from insurance_risk.errors import TrainingDataError
from insurance_risk.training import CANDIDATES, Candidate, LabelledRows, split_rows, train

WEAK = Candidate((1,), 500.0)


class TestTraining:
    def test_the_default_model_passes_at_once(self, trained):
        assert trained.chosen.report.passed
        assert [attempt.candidate for attempt in trained.attempts] == [Candidate((50, 50), 2.0)]

    def test_the_same_rows_and_seed_give_the_same_model_and_profile(self, trained, historic, matrix):
        again = train(train_rows=historic.train, test_rows=historic.test, reference_rows=historic.reference, seed=0)
        assert again.profile["digest"] == trained.profile["digest"]
        np.testing.assert_array_equal(again.pipeline.predict_proba(matrix), trained.pipeline.predict_proba(matrix))

    def test_another_seed_gives_another_model(self, trained, historic):
        other = train(train_rows=historic.train, test_rows=historic.test, reference_rows=historic.reference, seed=1)
        assert other.profile["digest"] != trained.profile["digest"]

    def test_the_first_candidate_that_passes_is_taken(self, historic):
        result = train(
            train_rows=historic.train,
            test_rows=historic.test,
            reference_rows=historic.test,
            seed=0,
            candidates=(WEAK, CANDIDATES[0], CANDIDATES[1]),
        )
        assert [attempt.candidate for attempt in result.attempts] == [WEAK, CANDIDATES[0]]
        assert result.chosen.candidate == CANDIDATES[0]

    def test_when_none_passes_the_first_is_kept_with_its_failed_report(self, historic):
        weaker = Candidate((1,), 1000.0)
        result = train(
            train_rows=historic.train,
            test_rows=historic.test,
            reference_rows=historic.test,
            seed=0,
            candidates=(WEAK, weaker),
        )
        assert result.chosen.candidate == WEAK
        assert "accuracy_test" in result.chosen.report.failed_names

    def test_shuffled_labels_fail_the_gates(self, historic):
        labels = np.random.default_rng(0).permutation(historic.train.labels)
        result = train(
            train_rows=LabelledRows(historic.train.features, labels),
            test_rows=historic.test,
            reference_rows=historic.test,
            seed=0,
            candidates=CANDIDATES[:1],
        )
        assert not result.chosen.report.passed

    def test_a_class_without_rows_is_named(self, historic):
        keep = historic.train.labels != 1
        rows = LabelledRows(historic.train.features[keep], historic.train.labels[keep])
        with pytest.raises(TrainingDataError, match="medium"):
            train(train_rows=rows, test_rows=historic.test, reference_rows=historic.test, seed=0)


class TestSplit:
    def test_is_stratified_and_depends_on_the_seed_alone(self, historic):
        train_rows, test_rows = split_rows(historic.reference, 5)
        assert len(test_rows.labels) == 300
        shares = np.bincount(historic.reference.labels) / 1500
        np.testing.assert_allclose(np.bincount(test_rows.labels) / 300, shares, atol=0.004)
        again, _ = split_rows(historic.reference, 5)
        np.testing.assert_array_equal(train_rows.features, again.features)
        other, _ = split_rows(historic.reference, 6)
        assert not np.array_equal(train_rows.features, other.features)

    def test_a_class_of_one_row_cannot_be_split(self):
        rows = LabelledRows(np.zeros((11, 6)), np.array([0] * 5 + [1] * 5 + [2]))
        with pytest.raises(TrainingDataError, match="split"):
            split_rows(rows, 0)
