from insurance_data import schema as data_schema
from insurance_risk.schema import CLASSES, FEATURE_NAMES


def test_features_and_classes_are_those_of_the_data_set_in_its_order():
    assert FEATURE_NAMES == data_schema.FEATURES
    assert CLASSES == data_schema.CLASSES
