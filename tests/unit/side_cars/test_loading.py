"""Each adapter's `load`, with a stand-in of what it imports: packages, or code in the folder of the weights.

The stand-ins are written here, with the names and signatures that the models' repositories give their own.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image as Pillow
from safetensors.torch import save_file
from transformers import dynamic_module_utils

from docker.side_cars import chexagent, cxrmate2, libra, llava_rad, radialog
from worker_llm.vision.protocol import Asked, Finding, Image

PACKAGES = ("libra", "llava", "LLAVA_Biovil", "src")
ASKED = Asked((Image(0, "PA", b""),), indication="cough", findings=(Finding("Edema", "present", "stated"),))
LLAVA = {
    "constants.py": "IMAGE_TOKEN_INDEX = -200",
    "conversation.py": """
class Conversation:
    roles = ("USER", "ASSISTANT")
    def __init__(self): self.text = ""
    def copy(self): return Conversation()
    def append_message(self, role, text): self.text += f"{role}: {text or ''} "
    def get_prompt(self): return self.text
conv_vicuna_v1 = Conversation()
conv_templates = {"v1": conv_vicuna_v1}
""",
    "mm_utils.py": """
import torch
def tokenizer_image_token(prompt, tokenizer, image_token_index, return_tensors):
    tokenizer.prompts.append(prompt)
    return torch.tensor([1, image_token_index])
class KeywordsStoppingCriteria:
    def __init__(self, keywords, tokenizer, input_ids): self.keywords = keywords
""",
    "model/builder.py": """
import torch
from types import SimpleNamespace
class Tokenizer:
    prompts = []
    def decode(self, ids, skip_special_tokens): return f"{' '.join(self.prompts[-1].split())} {ids.tolist()}"
class Model:
    device, dtype = "cpu", torch.float32
    config = SimpleNamespace()
    def generate(self, ids, **given):
        self.given = given
        return torch.cat([ids, torch.tensor([[8, 9]])], 1)
class Processor:
    def preprocess(self, image, return_tensors): return {"pixel_values": torch.zeros(1, 3, *image.size)}
LOADED = []
def load_pretrained_model(model_path, model_base, model_name, load_8bit=False, load_4bit=False):
    LOADED.append((str(model_path), model_base, model_name))
    return Tokenizer(), Model(), Processor(), 2048
""",
}
TRANSFORMS = """
import torch
def create_chest_xray_transform_for_inference(resize, center_crop_size):
    assert (resize, center_crop_size) == (512, 448)
    return lambda image: torch.zeros(3, 448, 448)
"""
LIBRA = {
    "eval/run_libra.py": "def libra_eval(**given): return given['query']",
    "model/builder.py": """
LOADED = []
def load_pretrained_model(model_path, model_base, model_name):
    LOADED.append((model_path, model_base, model_name))
    return "tokenizer", "model", "processor", 2048
""",
}
REMOTE = {
    "configuration_own.py": """
from transformers import PretrainedConfig
class OwnConfig(PretrainedConfig):
    model_type = "own"
""",
    "modeling_own.py": """
import torch
from transformers import PreTrainedModel
from .configuration_own import OwnConfig
class OwnModel(PreTrainedModel):
    config_class = OwnConfig
    def __init__(self, config):
        super().__init__(config)
        self.layer = torch.nn.Linear(1, 1)
        self.post_init()
    def generate(self, ids=None, **given):
        return torch.tensor([[1, 2, 8, 9]])
""",
    "tokenization_own.py": """
import torch
class OwnTokenizer:
    @classmethod
    def register_for_auto_class(cls, *_): ...
    @classmethod
    def from_pretrained(cls, *_, **__): return cls()
    def from_list_format(self, items): return "".join(next(iter(item.values())) for item in items)
    def apply_chat_template(self, chat, add_generation_prompt, return_tensors): return torch.tensor([[1, 2]])
    def decode(self, ids): return f"Clear {ids.tolist()}."
""",
    "processing_own.py": """
import torch
class Inputs(dict):
    def to(self, device): return self
class OwnProcessor:
    max_train_images_per_study = 5
    @classmethod
    def register_for_auto_class(cls, *_): ...
    @classmethod
    def from_pretrained(cls, *_, **__): return cls()
    def __call__(self, **given): return Inputs(ids=torch.tensor([[1, 2]]))
    def split_and_decode_sections(self, ids): return ["Clear."], ["Normal."]
""",
    "config.json": """{"model_type": "own", "auto_map": {
        "AutoConfig": "configuration_own.OwnConfig", "AutoModelForCausalLM": "modeling_own.OwnModel"}}""",
    "tokenizer_config.json": """{"auto_map": {"AutoTokenizer": ["tokenization_own.OwnTokenizer", null]}}""",
    "processor_config.json": """{"auto_map": {"AutoProcessor": "processing_own.OwnProcessor"}}""",
    "generation_config.json": """{"max_new_tokens": 8}""",
}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        for package in (path.parent, *path.parent.parents):
            if package == folder.parent:
                break
            (package / "__init__.py").touch()
        path.write_text(text)


def loaded(package: str) -> list[tuple[str, str | None, str]]:
    """Return what a stand-in of a package was asked to load."""
    found: list[tuple[str, str | None, str]] = sys.modules[f"{package}.model.builder"].LOADED
    return found


@pytest.fixture
def picture(tmp_path: Path) -> list[Path]:
    Pillow.new("L", (6, 8), 9).save(tmp_path / "0.png")
    return [tmp_path / "0.png"]


@pytest.fixture(autouse=True)
def no_leftovers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let what a test put on the path, and imported from it, go with the test."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] in PACKAGES]:
        del sys.modules[name]


def test_llava_rad_is_a_lora_on_its_base(tmp_path: Path, picture: list[Path]):
    write(tmp_path / "llava", LLAVA)
    sys.path.insert(0, str(tmp_path))
    writer = llava_rad.load(Path("weights"), Path("base"))
    assert loaded("llava") == [("weights", "base", "llavarad")]
    (passage,) = writer.report(ASKED, picture).findings
    assert "given the following indication: cough" in passage.text
    assert passage.text.endswith("[8, 9]")


def test_radialogs_code_lies_in_the_folder_of_its_weights(tmp_path: Path, picture: list[Path]):
    write(tmp_path / "LLAVA_Biovil", {f"llava/{name}": text for name, text in LLAVA.items()})
    write(tmp_path / "src", {"utils.py": TRANSFORMS})
    writer = radialog.load(tmp_path, tmp_path / "base")
    ((path, base, name),) = loaded("LLAVA_Biovil.llava")
    assert (path, base) == (str(tmp_path), str(tmp_path / "base"))
    assert "lora" in name
    assert "Predicted Findings: edema." in writer.report(ASKED, picture).findings[0].text


@pytest.mark.parametrize(
    ("folder", "name"), [("libra", "libra-v1.0-7b"), ("models--X-iZhang--libra-v1.0-3b", "libra-v1.0-3b")]
)
def test_libra_is_told_its_own_name(tmp_path: Path, picture: list[Path], folder: str, name: str):
    write(tmp_path / "libra", LIBRA)
    sys.path.insert(0, str(tmp_path))
    writer = libra.load(Path(folder), None)
    assert loaded("libra") == [(folder, None, name)]
    assert "Indication: cough." in writer.report(ASKED, picture).findings[0].text


def test_code_in_the_folder_of_the_weights_is_run_by_transformers(
    tmp_path: Path, picture: list[Path], monkeypatch: pytest.MonkeyPatch
):
    # Copies of the code are imported from there; ours would be the user's cache.
    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    weights = tmp_path / "own"
    write(weights, REMOTE)
    tensors = {"layer.weight": torch.zeros(1, 1), "layer.bias": torch.zeros(1)}
    save_file(tensors, weights / "model.safetensors", metadata={"format": "pt"})
    (passage,) = chexagent.load(weights, None).report(ASKED, picture).findings
    assert passage.text == "Clear [8]."
    assert cxrmate2.load(weights, None).report(ASKED, picture).impression == ("Normal.",)
