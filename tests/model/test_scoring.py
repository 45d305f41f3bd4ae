import numpy as np

from insurance_risk.answers import ModelAnswerer, RulesAnswerer
from insurance_risk.scoring import score_months


def test_every_row_of_every_month_is_answered_as_one_by_one(dataset, bundle, scorecard):
    rules = RulesAnswerer(scorecard, bundle.profile)
    answerers = {"model": ModelAnswerer(bundle.pipeline, bundle.profile, rules), "rules": rules}
    table = score_months(dataset, answerers)
    assert list(table.columns) == ["month", "row", "model", "rules"]
    assert table.groupby("month").size().to_dict() == {1: 1500, 2: 1500, 3: 1500, 4: 1500}
    rows = dataset.read_month(3)
    third = table[table["month"] == 3]
    assert third["row"].tolist() == list(range(1500))
    for index in (0, 700, 1499):
        row = rows.iloc[[index]][list(bundle.profile.feature_names)].to_numpy(np.float64)
        for name, answerer in answerers.items():
            assert third[name].iloc[index] == bundle.profile.classes[answerer.answer(row).classes[0]]
