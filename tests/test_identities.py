"""Identities hold still: what resumed runs and published results are matched by.

A digest here changes only with what it stands for. Where one must change, CHANGELOG.md says which
and why. What is added, such as an agent's profile, needs no line here to begin with.
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
        "go on debootstrap": "fff1a3c6b145479aac4ca8e86d2a6af94a42b3de8805476bea35944e1ad8607b",
        "go on pull": "aef64c85469913993076af3b4ea1490a883208374a0a70c29e04693955125ae9",
        "node on debootstrap": "061cbf7a04be8b0eb5a49cc1c9e523fab9190b72acd9846374e52ec9d9be579b",
        "node on pull": "36a8a0ba683954cf0d1e42842e423b0792c2de92bf329bc68572d88573b4c00b",
        "python on debootstrap": "a164083e070cef2d8d64a5a96c59c7277bad1169b47c58ed7b25d68925631197",
        "python on pull": "b0634c27810045059d478ffe145abb8a96ce62b446235698e9234560e9351b13",
    },
    "pack images": {
        "own": "5f9536555b0da5cfbf307fe7590d9a5bc4f466741f105b6f2ee228e83d1f2549",
        "far": "5822584726965b1bf0a268d838f99c566fd6fb5c8950b2a42b12b123684dde8b",
    },
    "task images": {
        "controls/heading-slugs": "27afc790219567a4a75ba31eeb5484501534d2c78568e73b93e00f2f431d13b2",
        "controls/leave-days": "1d799e5e4cf56b6c49b497be9059ae9c069acc9e4e8a18614489b46a3a13751f",
        "controls/parcel-steps": "c8c9306362b5ce1a4532e97408ad5b18672ec3d32ac2b80c584d8b953774a2df",
        "core/business-days": "8caa8cb1142c7d544fb82ad513972ca7c26e823bfcca3f9c6d6d983120c0aec4",
        "core/cli-options": "8ec8f13eaf2760355234773045d24844d48baa0fa006d78651435dd17be82ebb",
        "core/column-layout": "5b8b5e326121592f0870d50e68c8afe969cd5edde1ae25bf30327012b859c5f3",
        "core/config-layers": "994f109a6fb11309d725c9cdf902962808ffc0a7c6ae381f9b72a6978eaee937",
        "core/cron-clock": "18540a0c980d9d936640fea0c01f005adb2370cad2369bcfb22040bbf3327c44",
        "core/csv-dialect": "c92aeb38fd1e3f97150f8dfaef7640f8c1c80ccdc90eb488af5d1b28e6fde05f",
        "core/dep-order": "4dcfdb472a74ad4c1306c325e39c3924185b2d22ed2a3851e1d06a4a8e35ca72",
        "core/interval-merge": "0e186861f4687c3a4770b87ec4f6d7c0dd865973c8d6d5a6fd8b6db0ebd47351",
        "core/job-queue": "d491d2e153529ec1a6ef3dca332fb01849eb88428e8f60413420b74d80e113e9",
        "core/keyed-pool": "613c639cb2923941eb917a76ffcc60297bb4948ba45f0f304ae029b81ddfb8c0",
        "core/line-protocol": "59e0618b053c97ec55f5c6067ab0f2e36289892d5c374e6698df884ea7f9c2e1",
        "core/log-tail": "344c05e76773640f5c4130ac47f29074e213eb01d1b952e7e0641e995e322c7e",
        "core/lru-expiry": "3567a1034f4be23c1b1d5f5dc0027bccfb0be4f63367950d39cf9af5092691c6",
        "core/money-split": "b08e904fa9ebf075aed5b3bd351e73af4e6c92fdc222f548d14d0f8350771daf",
        "core/patch-transactions": "e809bfcbc0b66979bd610aa47897a5b0eaa5fc6fbcf3a5c3498b6ae1ad92e6a6",
        "core/rate-limiter": "9e915da679382928dff470226014a024f8b6a2f08032027b8a08c8c4674f63df",
        "core/retry-state": "37db5c23f8d0910db79d0957b16e3f5889387bf4500a014f5ffe337b5a7b2a13",
        "core/route-template": "f4f0c81c42105f159b9cdab32f5af72e57e40fad4c2a0b3bb7ba0c22142fb9d5",
        "core/row-query": "2c1ac0d825e5a0f46bf3c6a8e4aa24ee70c016229119fc71ad4bad1077fc248c",
        "core/segment-log": "ae3c8ce2ecaa23139ac4fb3e9fe8d2b6f91abf81adb75c0b1980338a1bf20842",
        "core/text-wrap": "100000f0f550889317c1ef4e7dfe5c2aedce5ed89bd2ca5cf6b4dd026a6bf7dc",
        "core/transit-route": "1b31544bc09944624c940ea83ced5e674bbd1d7e5145742b83fff2fe7a05ea90",
        "core/version-range": "cbf2936c16593f05fa4ad6ee63a8d9f60a6ca13513e2180fcd3757c5cd6e7cd4",
        "core/wire-codec": "e8756c496b71082c27822b4000dab7a698a363bada3e01f3a38cbbcb52e496ed",
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
    now = found(monkeypatch, tmp_path)
    kept = {kind: {name: now[kind].get(name) for name in pins} for kind, pins in PINNED.items()}
    assert kept == PINNED
