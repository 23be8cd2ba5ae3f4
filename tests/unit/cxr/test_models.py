"""`cxr models`: what there is, what each asks for, and what is refused before a worker is started with it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from cxr import cli, exit_codes
from cxr.local.catalogue import read_catalogue, weights_of
from cxr.local.home import Home
from cxr.local.state import read_json
from shared.catalogue import CATALOGUE, Runs, Work
from shared.weights import folder_of

_REPORTS = [entry for entry in CATALOGUE.values() if entry.work is Work.REPORT]


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Home:
    """Return a home where nothing runs, with a hub's cache where nothing is."""
    monkeypatch.setenv("CXR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("COLUMNS", "300")  # else what is refused is cut into lines anywhere
    return Home((tmp_path / "home").resolve())


def _fetch(name: str, hub: Path) -> Path:
    """Put into a hub's cache what `hf download` leaves of a model; return its folder."""
    model = hub / f"models--{CATALOGUE[name].weights.replace('/', '--')}"
    folder = model / "snapshots" / "0a1b2c"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text("0a1b2c")
    return folder


def _json(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    assert cli.run([*arguments, "--json"]) == exit_codes.DONE
    return json.loads(capsys.readouterr().out)


def _listed(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in _json(["models", "list"], capsys)["catalogue"]}


def _refused(arguments: list[str], status: int, capsys: pytest.CaptureFixture[str]) -> str:
    assert cli.run(arguments) == status
    return capsys.readouterr().err


def test_the_client_reads_the_catalogue_as_the_services_do():
    read = {
        name: {key: tuple(value) if isinstance(value, list) else value for key, value in asdict(one).items()}
        for name, one in read_catalogue().items()
    }
    assert read == {name: asdict(entry) for name, entry in CATALOGUE.items()}


@pytest.mark.parametrize("variable", ["HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"])
def test_weights_are_where_the_worker_finds_them(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    below = {"HF_HUB_CACHE": "", "HF_HOME": "hub", "XDG_CACHE_HOME": "huggingface/hub"}[variable]
    for name in ("HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    assert weights_of(read_catalogue()["radvlm"]) is None
    with pytest.raises(FileNotFoundError, match="hf download KrauthammerLab/RadVLM"):
        folder_of(CATALOGUE["radvlm"])
    fetched = _fetch("radvlm", tmp_path / below)
    assert weights_of(read_catalogue()["radvlm"]) == folder_of(CATALOGUE["radvlm"]) == fetched


def test_an_encoder_is_in_use_where_its_bundle_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "card.json").write_text('{"id": "rad-dino"}')
    monkeypatch.setenv("CXR_MODEL_ENCODER", str(tmp_path))
    listed = _listed(capsys)
    assert [name for name, one in listed.items() if one["in_use"]] == ["rad-dino"]
    assert listed["rad-dino"]["folder"] == str(tmp_path)


def test_the_list_has_every_model_with_its_state(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = _fetch("maira-2", tmp_path / "hub")

    listed = _listed(capsys)

    assert list(listed) == list(CATALOGUE)
    assert listed["maira-2"]["weights_present"] is True
    assert listed["maira-2"]["folder"] == str(folder)
    assert (listed["radvlm"]["weights_present"], listed["radvlm"]["folder"]) == (False, None)
    assert [listed[name]["state"] for name in ("maira-2", "radvlm", "radialog", "cxrreportgen")] == [
        *("weights present", "weights absent", "needs a server", "needs a server")
    ]
    assert not any(one["in_use"] for one in listed.values())


def test_the_list_for_people_has_a_line_a_model(capsys: pytest.CaptureFixture[str]):
    assert cli.run(["models", "list"]) == exit_codes.DONE
    said = capsys.readouterr().out.splitlines()
    assert "bundled" in said[0]
    assert [line.split("\t")[0] for line in said if "\t" in line] == list(CATALOGUE)


def test_the_writer_of_the_environment_is_in_use(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("CXR_REPORT_WRITER", "chexone")
    listed = _listed(capsys)
    assert [name for name, one in listed.items() if one["in_use"]] == ["chexone"]
    assert listed["chexone"]["state"] == "in use, weights absent"


@pytest.mark.parametrize("name", CATALOGUE)
def test_all_of_one_is_told(name: str, capsys: pytest.CaptureFixture[str]):
    entry = CATALOGUE[name]
    assert cli.run(["models", "show", name]) == exit_codes.DONE
    said = capsys.readouterr().out
    for part in (entry.title, entry.licence, entry.terms, entry.tried, entry.paper, *entry.steps):
        assert part in said
    assert (f"accept its terms at https://huggingface.co/{entry.weights}" in said) == entry.gated
    assert ("not measured" in said) == (entry.runs is not Runs.AZURE)


def test_a_name_that_is_none_is_answered_with_those_that_come_near(capsys: pytest.CaptureFixture[str]):
    assert "maira-2" in _refused(["models", "show", "Maira2"], exit_codes.WRONG_USAGE, capsys)
    said = _refused(["models", "use", "--writer", "llava"], exit_codes.WRONG_USAGE, capsys)
    assert "llava-med" in said
    said = _refused(["models", "use", "--writer", "zzz"], exit_codes.WRONG_USAGE, capsys)
    assert "template" in said
    assert "maira-2" in said
    assert "rad-dino" not in said


def test_an_encoder_is_no_writer(capsys: pytest.CaptureFixture[str]):
    said = _refused(["models", "use", "--writer", "rad-dino"], exit_codes.WRONG_USAGE, capsys)
    assert "rad-dino writes no reports" in said


@pytest.mark.parametrize("name", [entry.name for entry in _REPORTS if entry.runs is Runs.IN_PROCESS])
def test_absent_weights_are_refused_with_what_fetches_them(
    name: str, home: Home, capsys: pytest.CaptureFixture[str]
):
    said = _refused(["models", "use", "--writer", name], exit_codes.WRONG_USAGE, capsys)
    assert f"hf download {CATALOGUE[name].weights}\n" in said
    assert read_json(home.config) == {}


def test_a_writer_whose_weights_are_there_is_chosen_and_its_terms_are_told(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    _fetch("maira-2", tmp_path / "hub")
    assert cli.run(["models", "use", "--writer", "maira-2"]) == exit_codes.DONE
    said = capsys.readouterr().err
    assert "Microsoft Research License Agreement" in said
    assert "no clinical use" in said
    assert "16 GB" in said
    assert read_json(home.config) == {"CXR_REPORT_WRITER": "maira-2"}
    assert _listed(capsys)["maira-2"]["state"] == "in use, weights present"


def test_a_folder_of_weights_may_be_anywhere(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    arguments = ["models", "use", "--writer", "radvlm", "--writer-model", "weights"]
    monkeypatch.chdir(tmp_path)
    assert "no folder with a config.json" in _refused(arguments, exit_codes.WRONG_USAGE, capsys)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "config.json").write_text("{}")

    assert cli.run(arguments) == exit_codes.DONE

    assert read_json(home.config)["CXR_REPORT_MODEL"] == str(tmp_path / "weights")
    assert _listed(capsys)["radvlm"]["folder"] == str(tmp_path / "weights")


def test_weights_that_are_converted_are_not_taken_as_they_were_fetched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    _fetch("llava-med", tmp_path / "hub")
    said = _refused(["models", "use", "--writer", "llava-med"], exit_codes.WRONG_USAGE, capsys)
    assert "worker_llm.vision.convert llava-med" in said


@pytest.mark.parametrize("name", [entry.name for entry in _REPORTS if entry.runs is not Runs.IN_PROCESS])
def test_a_writer_behind_a_server_needs_its_address(
    name: str, home: Home, capsys: pytest.CaptureFixture[str]
):
    arguments = ["models", "use", "--writer", name]
    assert "--server-url" in _refused(arguments, exit_codes.WRONG_USAGE, capsys)
    assert cli.run([*arguments, "--server-url", "http://127.0.0.1:9"]) == exit_codes.DONE
    assert CATALOGUE[name].terms in capsys.readouterr().err
    assert read_json(home.config) == {
        "CXR_REPORT_WRITER": name,
        "CXR_REPORT_SERVER_URL": "http://127.0.0.1:9",
    }
    assert cli.run(arguments) == exit_codes.DONE


def test_a_model_and_an_address_go_with_their_writer(home: Home, capsys: pytest.CaptureFixture[str]):
    openai = ["models", "use", "--writer", "openai", "--server-url", "http://127.0.0.1:9/v1"]
    assert cli.run([*openai, "--writer-model", "llama"]) == exit_codes.DONE
    said = _refused(["models", "use", "--writer", "radialog"], exit_codes.WRONG_USAGE, capsys)
    assert "--server-url" in said
    assert cli.run(["models", "use", "--writer", "template"]) == exit_codes.DONE
    assert read_json(home.config) == {"CXR_REPORT_WRITER": "template"}


def test_a_stack_is_not_started_with_a_writer_that_cannot_write(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("CXR_REPORT_WRITER", "maira-2")
    said = _refused(["up", "--detach"], exit_codes.WRONG_USAGE, capsys)
    assert "hf download microsoft/maira-2\n" in said
    monkeypatch.setenv("CXR_REPORT_WRITER", "radialog")
    assert "--server-url" in _refused(["up", "--detach"], exit_codes.WRONG_USAGE, capsys)
    assert not home.state.exists()


def test_a_classifier_at_an_endpoint_is_one_line_and_its_terms_are_told(
    home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    use = ["models", "use", "medimageinsight-zero-shot"]
    url = "http://127.0.0.1:9/score"
    assert "--server-url" in _refused(use, exit_codes.WRONG_USAGE, capsys)
    assert cli.run([*use, "--server-url", url]) == exit_codes.DONE
    assert "Nobody has measured its findings" in capsys.readouterr().err
    chosen = {"CXR_MODEL_BUNDLE": "medimageinsight-zero-shot", "CXR_MODEL_SERVER_URL": url}
    assert read_json(home.config) == chosen
    told = _json(["models", "list"], capsys)
    assert [(one["name"], one["measured"]) for one in told["models"] if one["in_use"]] == [
        ("medimageinsight-zero-shot", False)
    ]
    in_use = {one["name"]: one["state"] for one in told["catalogue"] if one["in_use"]}
    assert in_use == {"medimageinsight-zero-shot": "in use"}
    assert cli.run(use) == exit_codes.DONE, "its address is kept"
    # An address that is named with a writer is the writer's.
    assert cli.run(["models", "use", "--writer", "radialog", "--server-url", "http://127.0.0.1:8/"]) == 0
    assert read_json(home.config)["CXR_MODEL_SERVER_URL"] == url
    assert cli.run(["models", "use", "bundled"]) == exit_codes.DONE
    assert "CXR_MODEL_SERVER_URL" not in read_json(home.config)
    monkeypatch.setenv("CXR_MODEL_SERVER_URL", url)
    assert cli.run(use) == exit_codes.DONE


def test_the_classifier_of_the_environment_is_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "card.json").write_text('{"id": "ours", "version": "1", "metrics": {}}')
    monkeypatch.setenv("CXR_MODEL_BUNDLE", str(tmp_path))
    in_use = [one for one in _json(["models", "list"], capsys)["models"] if one["in_use"]]
    assert [(one["name"], one["id"], one["measured"]) for one in in_use] == [(str(tmp_path), "ours", True)]


def test_a_stack_is_not_started_with_a_classifier_that_has_no_address(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("CXR_MODEL_BUNDLE", "medimageinsight-zero-shot")
    assert "CXR_MODEL_SERVER_URL" in _refused(["up", "--detach"], exit_codes.WRONG_USAGE, capsys)
    assert not home.state.exists()


def test_the_list_says_which_classifier_nobody_has_measured(home: Home, capsys: pytest.CaptureFixture[str]):
    (home.models / "ours").mkdir(parents=True)
    (home.models / "ours" / "card.json").write_text('{"id": "ours", "version": "1"}')
    assert cli.run(["models", "list"]) == exit_codes.DONE
    said = {
        line.split()[0]: line for line in capsys.readouterr().out.splitlines()[:4] if line.startswith(" ")
    }
    assert "nobody has measured it" in said["ours"]
    assert "nobody" not in said.get("bundled", "")
