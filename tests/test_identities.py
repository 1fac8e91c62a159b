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
        "go on debootstrap": "80c644759547b2333dcb15a72c660f0ab6061516b9f9d294f4790097ab98c344",
        "go on pull": "3940ebc83790778864f72ec57589d7b066ed6fddb8e59473e0f49e7fe26695dc",
        "node on debootstrap": "e58f659ce669916352a3c92ae163006e81cf7138eba890f27536c0305ed7d100",
        "node on pull": "514f839983b971d9ff81afc690f1b336f5a90149e7f3185403f4aea0f5479bb1",
        "python on debootstrap": "f213233d252b56bbeae02cc5d877f5cd9c30bbab8727ad53e4ca4599e13894c4",
        "python on pull": "8b68441776cbab8aa7acaae4d71377933f104783cf16fd9fc5227305f57864dc",
    },
    "pack images": {
        "own": "76880425672087034a4c8e8b65315ca094e7c2f13ae3cef8b111853d93531e86",
        "far": "5822584726965b1bf0a268d838f99c566fd6fb5c8950b2a42b12b123684dde8b",
    },
    "task images": {
        "controls/heading-slugs": "452ff3432fdba280d4c32fe9eb6bb05d29fa93b104b5cefe76297119d965ca42",
        "controls/leave-days": "fc6ba3b18265cf958da0582779caa76d9356e67625f56fb73ed71e3b77e3323e",
        "controls/parcel-steps": "c2c625965b124bd182a3392f34192afb13773266a8f6a8dd309e6f823faadfc4",
        "core/business-days": "5c0f98af56568ac0a3173864783006793a016e6cb56df43de3820680030c19e7",
        "core/cli-options": "1463a49f1a214ea93413d9bcd1865a19b0e0b2c0ba1b0f3b6c037de80d1d9523",
        "core/column-layout": "7fb8cbed40d9606b06ad1dfbefbb6046d550212dc68b9078ea96c6404cb77ed5",
        "core/config-layers": "40774fa1cf2c41a8f2540164135b1657a6655d9dd5add1dccbd9d9a2804f688c",
        "core/cron-clock": "10c410b684585120304ff9463c36da0f50a03f8c6f86db2667c94da0928bc993",
        "core/csv-dialect": "5de5f2fd62ead7c06d83a6bc78ab17a4e7b3deb927e4d1dd6a77f18a029179fe",
        "core/dep-order": "ebf66f791b469c5a431e359f8873edd75147645ba102cd11615b0fbce8a2906f",
        "core/interval-merge": "3dec8428c6d6d8ffb1cc7c2b70ac95dca2667abd672e1354deb7d648a501e2fe",
        "core/job-queue": "24bd4b6c22a1bef6024f59520f575d52e3db05a2369ad78f12654a659b82648f",
        "core/keyed-pool": "20b3757e06e5df11c6927711e9cf079808a15b52669fc1deef3856b8759e5b01",
        "core/line-protocol": "28bb9b105b7f602e2fc22fe53f14fbac62f799a2be11b6cc22cf26681358cc25",
        "core/log-tail": "f3ff8603da0926b0e8aead7586ba151fd5ebd323402be91a11178849bedfde8c",
        "core/lru-expiry": "0aa2fdaf8a92e01109ef4011151ead2f38a9e515ff92bb02985f0a1d12aa510d",
        "core/money-split": "80a628392f72aae0c0194ee7e78cfc081f4ac3f56178df9b59a1cc6622d3052c",
        "core/patch-transactions": "504405b0a5aa2106cd3cfb334dc051cb69b87e4beebfb240986f57aebb21922c",
        "core/rate-limiter": "c508de758c1dd561c1140638f9a9e82933f80b657b0daf3a63345309886f94f9",
        "core/retry-state": "a7480d07c86f6de1402c5ef38492a0709531afd4d75cedf062ca4a40f61f7014",
        "core/route-template": "6e96f4c89828771931b48f92397feaa95230e309275eabe4eaaa2356c6d51928",
        "core/row-query": "a8cabead17752c8f670c9767b1fa7e11eeb2895748c720ae86a97ff90dbd91fe",
        "core/segment-log": "4af24b4eec2622ebf82063a2f2cc7180fb42222be8fc40212d128496dc974de4",
        "core/text-wrap": "b347c091e2fa394ab6237366bb8b352ab3a80be4d6c741b83d07ae7abbeaf368",
        "core/transit-route": "68f932e2c0679ea3e5c9d0b298b846c5af1a0c338073715ee76e14a714afd0ed",
        "core/version-range": "66b1346cf80dd37ddc7b6ccef57d3a437551f273ab0c16f45d6c48df979b51e7",
        "core/wire-codec": "961120f215135b50d57807558bd56eaa5c1cb217e275e70afe3ad07fa43bf45d",
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
        found[mode] = recipe.base_recipe(sandboxes_dir()).digest
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
