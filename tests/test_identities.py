"""Identities hold still: what resumed runs and published results are matched by.

A digest here changes only with what it stands for. Where one must change, CHANGELOG.md says which
and why.
"""

from decimal import Decimal
from pathlib import Path

import pytest

from arena.agent import external
from arena.records import BackendSpec, ContestantSpec, digest_of
from arena.registry import EARLIER_DIGESTS
from arena.resources import sandboxes_dir, tasks_dir
from arena.sandbox.image import recipe
from arena.task import pack

BASES = {
    name: recipe.BaseRecipe(mode=name, source="any", digest=f"base by {name}")
    for name in ("debootstrap", "pull")
}
BACKEND = BackendSpec(
    name="vendor/coder",
    provider="vendor",
    model="coder-2",
    base_url="https://api.vendor.example/v1",
    api_key_env="VENDOR_API_KEY",
)
PINNED: dict[str, dict[str, str]] = {
    "tasks": {
        "controls/heading-slugs": "3b54f2eaba50e979fded39becc184a9502ff3de9215f679c905c6b80f254622a",
        "controls/leave-days": "e84ac090c756cf05f21a7982d2881cca2c3c3f8689cb50c3b77443f211875e46",
        "controls/parcel-steps": "9064e283c90fb1d60f1c65a8e0478a0eaa8a4e3eca206c75e8681a778cf85f12",
        "core/business-days": "6e18e13a60bb8b9efec44b4b835ce60478ece6cbbb8c80f795ce83668de1e76c",
        "core/cli-options": "cb8b8f15c5ee39e74fe13d620ac013c52fced99f42875225e0d5702f259478f8",
        "core/column-layout": "2d109a12b5e1861d81d00fec1e7b7f762590a0884d1533532df545b831da8af2",
        "core/config-layers": "d20c8db2961d3941d5620ca082323e1a0c8fc937a25aeb849bbda4839d9838d6",
        "core/cron-clock": "46b8f0aea8657baff0dc41ec6a88231c1defc61764d3d6ac50c9009e61282095",
        "core/csv-dialect": "4ac6a9e9a18d106e7094806b557f96bc18904e8df5d406466d3915ca8002c227",
        "core/dep-order": "9bbfa1fcb6b8d1f36375f3dd6da36540e744a06ca11706da72cc65882cd87c99",
        "core/interval-merge": "e4fe090976d78beecd73999f7f8f3bf61e9c00cb93f7be8c254eeff1a7496b81",
        "core/job-queue": "269d1d8ae0ff58b880f1969c6841cef35fe9b2e0d001a73ef1e0af88d9e77b7e",
        "core/keyed-pool": "a26830f97422bf98ac263a391b99a3c7b8e976805d85faf7a3f2a61b7ed5ad29",
        "core/line-protocol": "a1130289fe2a80756e5b043f6c6382b6fe120323c3f31f3bd8d1cdb7baa3c563",
        "core/log-tail": "293104ebee6b308815cd52303608c3a861877420e6f9d75e2b5da973f4c2b952",
        "core/lru-expiry": "be59f27b31879edc190370782f18395a921ed6236c463a58ef743d429379132d",
        "core/money-split": "0de6c85c4ea82ef4697dbc4646f18185cf07ca4e8dc4da3c25649eb222c88974",
        "core/patch-transactions": "afe020607008b9025bc05a38777f3f169dd8e1acff6ae48684744bd7ae8927eb",
        "core/rate-limiter": "5efffc64e55b9bc871e94ba6549a50445f2d237685ca7552e82c110fd0bcf7b3",
        "core/retry-state": "fc5c4610461e32eaa504d495472e762da80fbdef50237df76aec6f231a80d3ab",
        "core/route-template": "26e94ec052bc5e9c79c9067a1340802bfc6ae929c2e9f0f3fb85efb775a0b481",
        "core/row-query": "87a21546c24347529cefceef7981aba703804ab8a84967e18407987e58f2d0ce",
        "core/segment-log": "d08cbc963699791855cced70bdb86db8cba95d30aaa572701875fa8b36199d3d",
        "core/text-wrap": "32546ec5a0392be04bb5131b51bd9f6a5b808a316e7ce40dce62339446e896f7",
        "core/transit-route": "3a8a23e2af49af1eb98aaa52358818c7bf61c8de335ce76edd6538cd5e3da7bd",
        "core/version-range": "8d6967d568b0371d5faac58f7af2ec7d6d21654bff09e03fae07147d82a279ca",
        "core/wire-codec": "693390199b026dbaa496ae228658fc8d0ace70f6a51055b81054ec9d914c0e39",
    },
    "packs": {
        "controls": "6fa0c0a6bd616395f515e53edece0b9b7aac4059a2ca63ce0208bbd9920590f9",
        "core": "765ed39764790aff8e4ef5d911e64662b5d45126e3c1fbf15268a04a07642108",
    },
    "base images": {
        "debootstrap": "bef1314e0428358cbdcc862709fa92d8e45360d9d6a7bb98073ceaf03777c5ad",
        "pull": "80fa7128e804a8df189007c28fdedf0a0bccc26cd1ed7f62a90207704d3691a4",
    },
    "language images": {
        "go on debootstrap": "b08440fda37f321f5336cba8bfbcc683df0c6099828aa3d8c11cbc96e719767c",
        "go on pull": "e089f432a7dd6686a6afcccd36f240297f44b9f7cabb88e26f7cc9e7f50442c7",
        "node on debootstrap": "74c236e12b8b097aa758cde0988220c234499f02d0361eb22486e8bbccb156b3",
        "node on pull": "a059c5b3c713802c30579c3a14ae34ce155576f85ddb0673875245231587070e",
        "python on debootstrap": "17c83c8a0c63365637c9d688812b140197f91f0a5743926aae98cfece4332e70",
        "python on pull": "25aa09f170c42e70274a317745e65d3395f9a78eece66327fa40f0d79e9a2767",
    },
    "pack images": {
        "own": "439ea96e942f132ad64b2ed7efd30d6f6be39fd839fde28d844025d508334c26",
        "far": "5822584726965b1bf0a268d838f99c566fd6fb5c8950b2a42b12b123684dde8b",
    },
    "task images": {
        "controls/heading-slugs": "38cd9a76acd860c12c0a299314ccd479b917d2408c36d63d0a128872f31d0b7a",
        "controls/leave-days": "876c96e89412a9b8f349e8569be0d35dd6a6acabd56ed0b3f6562acbe7c46e72",
        "controls/parcel-steps": "ccdb8f36c17cb59f0a6af9a85757814ccf9c55fe677f51837a4e68f42f9e12ac",
        "core/business-days": "cda23fca9618af677f696d40836f79b941fdc16997922d01983c1689a4eda652",
        "core/cli-options": "344f7a6336a10ba5d428ac9ddbd87e2b9d9431236d40fb1a66e61facd0c9b9e9",
        "core/column-layout": "23927e2e4311e61e55703e39109dd63d3e762da13ab633b7907b5ff4c9759174",
        "core/config-layers": "d02ef2a7807c0a7023f82daa2f058796b39258c022bf8c57193bff1cbb6daa18",
        "core/cron-clock": "ad873e2233edf961a0d50025ca4e0bebbd87f5ce3eac5588952a9b222ae567cf",
        "core/csv-dialect": "1e3ac5b54c0f2c71fa0c56779783bc5cb4629e5fbd8bcb0bb240ed1ac70107c7",
        "core/dep-order": "b135183ba054af0043f2a92b9d9d502d51aadde864289605db132a427e64f4f7",
        "core/interval-merge": "9f2e722543302b0dc30ca9a89aad4e84b84ba9d8b374ac45960983c9366a1997",
        "core/job-queue": "3d12b21afe9f72ff43ab1e02f847d6dde5ebafef9e2244bc77ece99f5bf6f408",
        "core/keyed-pool": "9bd7f3c5b8a3e245822af1a3b9c72707939e0c89669e856ac66768a0e87a5a0f",
        "core/line-protocol": "0ceca738f65e1f94db458d52a32bd4e7072e1342de69f18e3e9735f8a1049e63",
        "core/log-tail": "f789adbf9a5c0b62c57bf5ec468fe396d6bf30d4b080cc9c28255cf3cbd668f9",
        "core/lru-expiry": "234633c09160d2f352d61f418fc11bf17ed316edac873e77ce40c3b7951c2d60",
        "core/money-split": "e1a01c8f5068c71ef7c7c74073b82abb1d615e920b67fc6e0e9b461da7a272d1",
        "core/patch-transactions": "76e6873ff68caa5cd844a0cd466c075321a1fdf1a4f956238ce6e4156b409800",
        "core/rate-limiter": "292444953633b7af04a956c96ec8262ed04cda8b89d83315619c85415df7e156",
        "core/retry-state": "9647be26660b3bfb60f1b7d877445146409761274c309cf693fbbf423a39e87b",
        "core/route-template": "3f33aa9037268e3a150c43f7813deca9254678874e144701fc11a8fa70f961b7",
        "core/row-query": "24429ed412036ea8261e83f9f0f51fa05c59dce1dcca00f1f6896c06fefc02bd",
        "core/segment-log": "bba49b55d3e81013dbf905097fa83c1ee581c3049cf0afda8b539c36777816b1",
        "core/text-wrap": "587ef1dcecb3cd838e87b61eaf90fb55b2e263990204db3021c7c460b77a9672",
        "core/transit-route": "5c4fec86312a3af4dedfc9a40b160e6bade7feda10a7a0c0eaf2abf9bdd9ea84",
        "core/version-range": "d4d07037136eb6a080b72e573273689eab924ed65e74c2d5bd2a17bc75b74fbd",
        "core/wire-codec": "f303e545638d3c0b523545616c91aff23aad29c637b48dfd650f29c51120858c",
    },
    "built-in agents": {
        "shell": "50da5bba0d61dcc3cc63cfc2b1cd780f062d7c70fd37dc743f821b2a3b239a49",
        "edits": "8a97077ec8e61d288a9acc33a236f722b737a79f296985b0cfd1ba53db06fd75",
        "oracle": "b15aafe446efd84dc76616cfe979c54f4f58a3adfe8d86fc901c0a6bf252d525",
        "nop": "2a9e3e0b8187433231dfefbf8fc418edf41ea3abfd3f35030066997a6369c9e4",
    },
    "profiles": {
        "aider": "6bd3bc53978dc4deae19197c313b19cfc9f3eaaf6027d364101ed72540092d4b",
        "claude-code": "b6efed1ed46df84a1cc2db0f7bae37f685ab2ebcc65a7da4ea8be7e290bcbbdb",
        "cline": "b984cf83d9a24b1739e6e4d772a8ddbcfd4a31cc9ce8c13babd39236d7a5fc21",
        "codex": "eb8fc9933d90b975f4614e7d2ff9d229aec4dbc64f9fbb2d6272a5ab306295ce",
        "mini-swe-agent": "c1fddba93c1316a6993e3b54a30354d2daf55a6eca6c5b74e1aa95cb40fd4662",
        "opencode": "c1d414d6915323e96c4849978007eb98caf895c6949532978d44925bb8f2f4e8",
        "qwen-code": "49916a5e48ae5229911b176aa59860abec61a634d5053915ae82da2bd1984c0b",
    },
    "external agents": {
        "aider": "f84a63d0f8397b4f0ddf9071dd44b85b4b5bb6e815262506304d32fdbbc065f9",
        "claude-code": "fc4b5fbbf4eafb529b05bb13ff526812b5f6439d7f62026ba310637ce6605efb",
        "cline": "7f38ab340daedd92581049a8787c5bd68342fa0dee872762348dfd5f6b439ba2",
        "codex": "64343f5d18503c9681f5c0b2eaab3b9d227ede7b2e797a11aee1adbe2554a726",
        "mini-swe-agent": "8cc1d77159001612eabf09dc04959b5ecc7d81206a0bcbdf4c5e163925145674",
        "opencode": "eea6d6714ba60a229bffa4e625072b126072e0fbc548ba204fdc8e30878e3fef",
        "qwen-code": "8eaee994db8e279adac5082affa06ea35a6ee02d986df2d4008667560adb11f7",
    },
    "contestants": {
        "a": "8be950edef42b5d5b1ad34741eccf5d0f29db9c455bbb39574a5bf28fdc940fb",
        "b": "c587554293455eb420c3963f15615098aa536d13d758f101a58926e3b97e2cc7",
        "c": "81a416b1857c7fb46b051f438cf4a555f2c07c7b5e954715fe641ca526437c9b",
        "d": "2de4bbd3ecc50828f060388e5808664714e3abba45c9bc99c56162b1c32280f6",
        "e": "as it was",
    },
}


def tasks() -> dict[str, str]:
    return {task.id: task.digest for task in _tasks()}


def packs() -> dict[str, str]:
    """Of a pack: of its tasks, in their order."""
    return {
        name: digest_of([[task.id, task.digest] for task in pack.load_pack(tasks_dir() / name)])
        for name in pack.shipped_packs()
    }


def base_images(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    found = {}
    for mode in BASES:
        monkeypatch.setenv("ARENA_BASE", mode)
        found[mode] = recipe.base_recipes(sandboxes_dir())[0].digest
    return found


def language_images() -> dict[str, str]:
    return {
        f"{name} on {base.mode}": recipe.language_recipe(sandboxes_dir(), name, base).digest
        for name in recipe.language_names(sandboxes_dir())
        for base in BASES.values()
    }


def task_images() -> dict[str, str]:
    return {
        task.id: recipe.task_digest(
            recipe.task_recipe(
                sandboxes_dir(), task.root.parent / "images", task.image, BASES["pull"]
            ),
            pack.tree_files(task),
        )
        for task in _tasks()
    }


def pack_images(folder: Path) -> dict[str, str]:
    """Of a pack's own images: on a shipped image, and on one of a registry."""
    for name, below in (("own", 'base = "python"'), ("far", f'pull = "any:1@sha256:{"a" * 64}"')):
        (folder / name).mkdir()
        (folder / name / "requirements.txt").write_text("six==1.17.0\n")
        text = f'language = "python"\ndescription = "Any."\n{below}\n'
        (folder / name / "sandbox.toml").write_text(text)
    return {
        name: recipe.task_recipe(sandboxes_dir(), folder, name, BASES["pull"]).digest
        for name in ("own", "far")
    }


def built_in_agents() -> dict[str, str]:
    """As runs before the code of an agent counted know them."""
    return dict(EARLIER_DIGESTS)


def profiles() -> dict[str, str]:
    """What a profile says of an external agent, without our code that runs it."""
    return {name: digest_of(one.identity) for name, one in external.load().items()}


def external_agents() -> dict[str, str]:
    return {
        name: digest_of(external.earlier_identity(one)) for name, one in external.load().items()
    }


def contestants() -> dict[str, str]:
    priced = BACKEND.model_copy(update={"hourly_usd": Decimal(2)})
    made = (
        ContestantSpec(name="a", agent="nop", agent_digest="any", control=True),
        ContestantSpec(name="b", agent="shell", agent_digest="any", backend=BACKEND),
        ContestantSpec(
            name="c",
            agent="shell",
            agent_digest="any",
            backend=BACKEND,
            params={"protocol": "text"},
        ),
        ContestantSpec(name="d", agent="codex", agent_digest="other", backend=priced),
        ContestantSpec(
            name="e", agent="nop", agent_digest="any", control=True, recorded_digest="as it was"
        ),
    )
    return {one.name: one.digest for one in made}


def _tasks():
    return [t for name in pack.shipped_packs() for t in pack.load_pack(tasks_dir() / name)]


def found(monkeypatch: pytest.MonkeyPatch, folder: Path) -> dict[str, dict[str, str]]:
    return {
        "tasks": tasks(),
        "packs": packs(),
        "base images": base_images(monkeypatch),
        "language images": language_images(),
        "pack images": pack_images(folder),
        "task images": task_images(),
        "built-in agents": built_in_agents(),
        "profiles": profiles(),
        "external agents": external_agents(),
        "contestants": contestants(),
    }


def test_every_identity_is_as_it_was(monkeypatch, tmp_path):
    assert found(monkeypatch, tmp_path) == PINNED
