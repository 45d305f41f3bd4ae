import json

import pytest

from insurance_risk.errors import ProfileError
from insurance_risk.profile import canonical_digest
from insurance_risk.serving.profile_file import ProfileFile


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def content(bundle_directory):
    return json.loads((bundle_directory / "profile.json").read_text())


def write(path, content, **changes):
    """Write a valid profile with some fields changed, as training does: beside, then renamed."""
    content = {**content, **changes}
    content["digest"] = canonical_digest(content)
    path.with_suffix(".new").write_text(json.dumps(content))
    path.with_suffix(".new").rename(path)
    return content["digest"]


def follow(path, clock, check=bool):
    return ProfileFile(path, model_name="test", check=check, clock=clock)


class TestProfileFile:
    def test_a_changed_file_is_read_but_looked_at_once_a_second_at_most(self, tmp_path, content, clock):
        path = tmp_path / "profile.json"
        first = write(path, content)
        followed = follow(path, clock)
        second = write(path, content, name="another")
        clock.now += 0.9
        assert not followed.refresh()
        assert followed.profile.digest == first
        clock.now += 0.2
        assert followed.refresh()
        assert followed.profile.digest == second
        clock.now += 2
        assert not followed.refresh()

    def test_a_folders_link_turned_to_another_bundle_is_followed(self, tmp_path, content, clock):
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            write(tmp_path / name / "profile.json", content, name=name)
        (tmp_path / "current").symlink_to("first")
        followed = follow(tmp_path / "current" / "profile.json", clock)
        (tmp_path / "next").symlink_to("second")
        (tmp_path / "next").rename(tmp_path / "current")
        clock.now += 1.1
        assert followed.refresh()
        assert followed.profile.name == "second"

    def test_a_broken_file_keeps_the_profile_says_so_once_and_a_repaired_one_is_read(
        self, tmp_path, content, clock, caplog
    ):
        path = tmp_path / "profile.json"
        first = write(path, content)
        followed = follow(path, clock)
        path.write_text("{")
        for _ in range(3):
            clock.now += 1.1
            assert not followed.refresh()
        assert followed.profile.digest == first
        assert [record.message for record in caplog.records if "not JSON" in record.message] == [
            caplog.records[0].message
        ]
        repaired = write(path, content, name="repaired")
        clock.now += 1.1
        assert followed.refresh()
        assert followed.profile.digest == repaired

    def test_a_removed_file_keeps_the_profile(self, tmp_path, content, clock):
        path = tmp_path / "profile.json"
        first = write(path, content)
        followed = follow(path, clock)
        path.unlink()
        clock.now += 1.1
        assert not followed.refresh()
        assert followed.profile.digest == first

    def test_a_profile_that_the_check_refuses_is_not_taken(self, tmp_path, content, clock):
        def check(profile):
            if profile.name == "foreign":
                raise ProfileError("foreign")

        path = tmp_path / "profile.json"
        first = write(path, content)
        followed = follow(path, clock, check)
        write(path, content, name="foreign")
        clock.now += 1.1
        assert not followed.refresh()
        assert followed.profile.digest == first

    def test_the_file_must_be_valid_at_the_start(self, tmp_path, clock):
        with pytest.raises(ProfileError, match="cannot read"):
            follow(tmp_path / "absent.json", clock)
