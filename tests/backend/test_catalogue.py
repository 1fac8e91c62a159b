"""Provider profiles as data: every model of the mission has a route or an explanation."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfoNotFoundError

import pytest

from arena.backend import catalog, checks
from arena.backend import resolve as policy
from arena.backend.apis import over
from arena.backend.resolve import resolve
from arena.config import BackendTable, Policy, PriceTable
from arena.errors import InputError
from arena.money import prices
from arena.records import Quirks

TODAY = date(2026, 11, 23)
SHIPPED = catalog.load()

MISSION = {
    "GPT-5.1": "openai/gpt-5.1",
    "GPT-4o": "openai/gpt-4o",
    "GPT-4o mini": "openai/gpt-4o-mini",
    "o3": "openai/o3",
    "o4-mini": "openai/o4-mini",
    "Claude Opus 4.6": "anthropic/claude-opus-4-6",
    "Claude Sonnet 4.6": "anthropic/claude-sonnet-4-6",
    "Claude Haiku": "anthropic/claude-haiku-4-5",
    "Claude 3.7 Sonnet": "anthropic/claude-3-7-sonnet-20250219",
    "Gemini 2.0 Flash": "google/gemini-2.0-flash",
    "Gemini 2.5 Pro": "google/gemini-2.5-pro",
    "Gemini 2.5 Flash": "google/gemini-2.5-flash",
    "Llama 4": "meta/Llama-4-Maverick-17B-128E-Instruct-FP8",
    "Llama 3.3": "meta/Llama-3.3-70B-Instruct",
    "DeepSeek V3.2": "deepseek/deepseek-chat",
    "DeepSeek V3": "deepseek/deepseek-v3",
    "DeepSeek R1": "deepseek/deepseek-r1",
    "Qwen3-Max": "alibaba/qwen3-max",
    "Qwen3-Max-Thinking": "alibaba/qwen3-max-thinking",
    "Qwen3-Max-Coder": "alibaba/qwen3-max-coder",
    "Qwen3-Coder": "alibaba/qwen3-coder",
    "Qwen 2.5": "alibaba/qwen2.5-72b-instruct",
    "Kimi K2.5": "moonshot/kimi-k2.5",
    "GLM-5": "zai/glm-5",
    "GLM-5 (mainland)": "zhipu/glm-5",
    "GLM-5-Turbo": "zai/glm-5-turbo",
    "MiniMax M2.5": "minimax/MiniMax-M2.5",
    "MiniMax M2.7": "minimax/MiniMax-M2.7",
    "MiniMax Text-01": "minimax/MiniMax-Text-01",
    "Doubao Seed 1.6": "volcengine/doubao-seed-1-6",
    "Hunyuan": "tencent/hunyuan",
    "Step 3.5 Flash": "stepfun/step-3.5-flash",
    "MiMo-V2-Pro": "xiaomi/mimo-v2-pro",
}
PROVIDERS = {
    "openai", "anthropic", "google", "xai", "meta", "deepseek", "alibaba", "moonshot", "zai",
    "zhipu", "minimax", "volcengine", "tencent", "stepfun", "xiaomi", "openrouter", "siliconflow",
    "vllm", "sglang", "ollama", "llamacpp", "mistral", "baidu",
}  # fmt: skip


def spec_of(ref, *, known=SHIPPED, today=TODAY, environ=None):
    return resolve(ref, known, today=today, environ=environ or {})


def refused(act):
    """The input error of an action; None when it goes through."""
    try:
        act()
    except InputError as error:
        return error
    return None


def table(**settings):
    return BackendTable.model_validate(settings)


def test_every_provider_has_its_file():
    assert set(SHIPPED.profiles) >= PROVIDERS
    assert {p.stem for p in catalog.SHIPPED.glob("*.toml")} == set(SHIPPED.profiles)


@pytest.mark.parametrize("name", MISSION, ids=str)
def test_each_model_of_the_mission_resolves_or_is_explained(name):
    refusal = refused(lambda: spec_of(MISSION[name]))
    if refusal is None:
        assert spec_of(MISSION[name]).prices
    else:
        assert "no longer serves" in refusal.what
        assert "other routes: " in refusal.what
        assert spec_of(refusal.remedy.removeprefix("use ")).model


def test_the_shipped_catalogue_has_nothing_wrong_with_it():
    found = checks.check(SHIPPED, today=TODAY)
    assert [f for f in found if f.level == "error"] == []
    soon = {f.backend for f in found if f.level == "retirement"}
    assert {"openai/o3", "openai/gpt-4o", "google/gemini-2.5-pro"} <= soon
    assert "openai/gpt-5.1" not in soon


def test_a_check_of_one_backend_leaves_the_others_out():
    found = checks.check(SHIPPED, today=TODAY, names=["openai/o3"])
    assert {f.backend for f in found} == {"openai/o3"}
    with pytest.raises(InputError, match="o33"):
        checks.check(SHIPPED, today=TODAY, names=["openai/o33"])


def test_countries_are_the_same_in_either_case():
    upper = checks.listed(SHIPPED, today=TODAY, country="CN", residency="US")
    assert upper
    assert checks.listed(SHIPPED, today=TODAY, country="cn", residency="us") == upper


def test_check_finds_what_is_wrong():
    profile = SHIPPED.profiles["deepseek"]
    row = profile.models[0].model_copy(update={"routes": ("nowhere/x",), "source": ""})
    price = profile.models[0].prices[0]
    late = price.model_copy(
        update={"tiers": (price.tiers[0].model_copy(update={"input_from": 5}),)}
    )
    other = row.model_copy(update={"prices": (late,), "id": "odd", "alias_of": "gone"})
    broken = profile.model_copy(update={"models": (row, other)})
    texts = [f.text for f in checks.check(catalog.Catalog({"deepseek": broken}), today=TODAY)]
    for part in ("nowhere", "no source", "no price tier starts at 0", "which is not there"):
        assert any(part in text for text in texts), part
    assert any("last looked up" in f.text for f in checks.check(SHIPPED, today=date(2027, 9, 1)))


def test_retirement_comes_on_its_day():
    assert spec_of("openai/o3", today=date(2026, 12, 10)).retires_on == date(2026, 12, 11)
    with pytest.raises(InputError, match="no longer serves o3 since 2026-12-11"):
        spec_of("openai/o3", today=date(2026, 12, 11))
    with pytest.raises(InputError, match=r"gemini-3\.8-flash answers under its name"):
        spec_of("google/gemini-2.5-pro", today=date(2026, 12, 1))


def test_a_spec_holds_everything_and_no_key():
    spec = spec_of("deepseek/deepseek-v4-pro", environ={"DEEPSEEK_API_KEY": "sk-canary"})
    assert spec.name == "deepseek/deepseek-v4-pro"
    assert (spec.country, spec.provider_country, spec.residency) == ("CN", "CN", "CN")
    assert spec.trains_on_data
    assert spec.api_key_env == "DEEPSEEK_API_KEY"
    assert not spec.simulated
    assert "sk-canary" not in repr(spec)
    assert spec.quirks.output_limit_param == "max_tokens"


def test_regions_have_addresses_prices_and_keys_of_their_own():
    intl, cn = spec_of("alibaba/qwen3-max"), spec_of("alibaba@cn/qwen3-max")
    us = spec_of("alibaba@us/qwen3-max")
    assert (intl.residency, us.residency, cn.residency) == ("SG", "US", "CN")
    assert (intl.prices[0].currency, cn.prices[0].currency) == ("USD", "CNY")
    assert us.prices == ()
    assert cn.name == "alibaba@cn/qwen3-max"
    assert spec_of("siliconflow@cn/zai-org/GLM-5").api_key_env == "SILICONFLOW_CN_API_KEY"
    assert spec_of("minimax/MiniMax-Text-01").residency == "CN", "served in one region only"


def test_the_key_variable_that_is_set_is_taken():
    assert spec_of("google/gemini-4-argon").api_key_env == "GEMINI_API_KEY"
    chosen = spec_of("google/gemini-4-argon", environ={"GOOGLE_API_KEY": "x"})
    assert chosen.api_key_env == "GOOGLE_API_KEY"
    chosen = spec_of(
        "google/gemini-4-argon", environ={"GEMINI_API_KEY": " ", "GOOGLE_API_KEY": "x"}
    )
    assert chosen.api_key_env == "GOOGLE_API_KEY", "a blank is no key"
    assert spec_of("vllm/any/model").api_key_env is None
    assert spec_of("vllm/any/model", environ={"VLLM_API_KEY": "x"}).api_key_env == "VLLM_API_KEY"


def test_an_address_that_is_not_the_providers_is_simulated_and_gets_no_key():
    fake = table(provider="deepseek", model="deepseek-v4-pro", base_url="http://127.0.0.1:9/v1")
    spec = spec_of(fake, environ={"DEEPSEEK_API_KEY": "sk-real"})
    assert spec.simulated
    assert spec.api_key_env is None
    assert spec.name == "simulated:127.0.0.1:9/deepseek-v4-pro"
    assert (spec.lab, spec.country, spec.residency) == (None, None, None)
    for own in ("https://api.deepseek.com", "https://api.deepseek.com/v1"):
        mine = table(provider="deepseek", model="deepseek-v4-pro", base_url=own)
        assert not spec_of(mine).simulated
    imposter = table(provider="deepseek", model="deepseek-v4-pro", base_url="https://xdeepseek.com")
    assert spec_of(imposter).simulated
    plain = table(provider="deepseek", model="deepseek-v4-pro", base_url="http://api.deepseek.com")
    assert spec_of(plain).simulated


@pytest.mark.parametrize("api", ["chat", "messages", "responses"])
def test_no_key_goes_to_an_address_beside_the_providers_own(api):
    settings = {"provider": "deepseek", "model": "deepseek-v4-pro"}
    own = {"base_url": "https://api.deepseek.com"}
    for place in ("http://127.0.0.1:9/v1", "https://other.example/v1"):
        spec = spec_of(table(**settings, **own, endpoints={api: place}))
        assert (spec.simulated, spec.api_key_env, spec.lab) == (True, None, None)
    usual = {"messages": "https://api.deepseek.com/anthropic/v1"}
    spec = spec_of(table(**settings, **own, endpoints=usual))
    assert (spec.simulated, spec.api_key_env) == (False, "DEEPSEEK_API_KEY")
    assert spec.prices == spec_of("deepseek/deepseek-v4-pro").prices


def test_what_a_stand_in_does_with_code_is_not_what_its_provider_does():
    settings = {"provider": "openai", "model": "gpt-5.1"}
    assert spec_of("openai/gpt-5.1").trains_on_data is False
    for far in ("http://llm.example/v1", "https://llm.example/v1"):
        assert spec_of(table(**settings, base_url=far)).trains_on_data is None
    assert spec_of(table(**settings, base_url="http://127.0.0.1:9/v1")).trains_on_data is False


def test_a_server_is_ones_own_where_all_of_it_is():
    near, far = "http://127.0.0.1:9/v1", "https://llm.example/v1"
    mixed = spec_of(table(model="m", base_url=near, endpoints={"messages": far}))
    assert (mixed.self_hosted, mixed.trains_on_data) == (False, None)
    both = spec_of(table(model="m", base_url=near, endpoints={"messages": near}))
    assert (both.self_hosted, both.trains_on_data) == (True, False)
    price = {"input": 1, "output": 2}
    mixed = spec_of(table(model="m", base_url=far, endpoints={"messages": near}, price=price))
    assert mixed.prices[0].tiers[0].output == 2
    assert mixed.caveats == ()


@pytest.mark.parametrize(
    ("provider", "model", "url", "key"),
    [
        ("zai", "glm-5.2", "https://api.z.ai/api/coding/paas/v4", "ZAI_API_KEY"),
        ("zai", "glm-5.2", "https://api.z.ai/api/coding/paas/v4/", "ZAI_API_KEY"),
        ("zhipu", "glm-5", "https://open.bigmodel.cn/api/coding/paas/v4", "ZHIPU_API_KEY"),
        ("alibaba", "qwen3-max", "https://coding-intl.dashscope.aliyuncs.com/v1",
         "DASHSCOPE_API_KEY"),
        ("moonshot", "kimi-k3", "https://api.kimi.com/coding/v1", "MOONSHOT_API_KEY"),
        ("volcengine", "doubao-seed-2-1-pro-260915",
         "https://ark.cn-beijing.volces.com/api/coding/v3", "ARK_API_KEY"),
        ("stepfun", "step-3.5-flash", "https://api.stepfun.com/step_plan/v1", "STEP_API_KEY"),
        ("xiaomi", "mimo-v2.5-pro", "https://token-plan-sgp.xiaomimimo.com/v1", "MIMO_API_KEY"),
        ("openai", "gpt-5.1", "https://api.openai.com/v2", "OPENAI_API_KEY"),
    ],
)  # fmt: skip
def test_another_product_of_a_provider_has_its_key_and_rules_and_no_price(
    provider, model, url, key
):
    spec = spec_of(table(provider=provider, model=model, base_url=url), environ={key: "x"})
    usual = spec_of(table(provider=provider, model=model))
    assert (spec.simulated, spec.api_key_env, spec.lab) == (False, key, usual.lab)
    assert (spec.quirks, spec.error_rules) == (usual.quirks, usual.error_rules)
    assert (spec.prices, spec.residency) == ((), None)
    assert any(text.startswith("its cost is unknown: ") for text in spec.caveats)
    assert catalog.prices_of(SHIPPED, spec) == ()
    own = table(provider=provider, model=model, base_url=url, price={"input": 1, "output": 2})
    assert spec_of(own).prices[0].tiers[0].output == 2


@pytest.mark.parametrize(
    "url",
    [
        "http://api.z.ai/api/coding/paas/v4",
        "https://api.z.ai.example/api/coding/paas/v4",
        "https://api.z.ai:444/api/paas/v4",
    ],
)
def test_what_only_looks_like_a_providers_address_gets_no_key(url):
    spec = spec_of(table(provider="zai", model="glm-5.2", base_url=url))
    assert (spec.simulated, spec.api_key_env) == (True, None)


def test_the_address_of_a_region_is_that_region():
    cn = table(provider="moonshot", model="kimi-k2.6", base_url="https://api.moonshot.cn/v1/")
    assert spec_of(cn).prices == spec_of("moonshot@cn/kimi-k2.6").prices
    assert spec_of(cn).name == "moonshot@cn/kimi-k2.6"


def test_only_some_providers_bill_what_they_tell():
    assert {p.id for p in SHIPPED.profiles.values() if p.bills_told_cost} == {"openrouter", "xai"}
    assert spec_of("xai/grok-4.7").bills_told_cost
    assert not spec_of("openai/gpt-5.1").bills_told_cost


def test_a_price_has_a_day_of_its_own():
    named = ["xai/grok-4.7"]
    assert checks.check(SHIPPED, today=date(2027, 1, 21), names=named) == []
    (late,) = checks.check(SHIPPED, today=date(2027, 1, 22), names=named)
    assert late.level == "stale"
    assert late.text == "its price was last looked at on 2026-11-22, 61 days ago"


@pytest.mark.parametrize(
    "name",
    [
        "mistral/mistral-large-4", "baidu/ernie-5.1", "openai/gpt-6-sol", "anthropic/claude-opus-5",
        "google/gemini-4-hydrogen", "xai/grok-4.6", "alibaba/qwen3.7-plus",
        "moonshot/kimi-k3.1-pro-highspeed", "zai/glm-5.1", "minimax/MiniMax-M2.1",
        "volcengine/doubao-seed-2-1-lite-260915", "meta/muse-spark-1.2",
    ],
)  # fmt: skip
def test_models_of_this_autumn(name):
    spec = spec_of(name)
    profile, _, model = SHIPPED.find(name)
    row = catalog.row_of(profile, model)
    assert row.source
    assert spec.prices or name.startswith(("baidu", "volcengine"))


def test_inline_backends():
    spec = spec_of(
        table(
            base_url="http://127.0.0.1:8000/v1",
            model="qwen3",
            price=PriceTable(input="1", output="2", currency="CNY"),
            max_concurrency=3,
            streaming=True,
        )
    )
    assert spec.name == "127.0.0.1:8000/qwen3"
    assert spec.prices[0].tiers[0].output == Decimal(2)
    assert spec.rate.concurrency == 3
    assert spec.quirks == Quirks(stream=True)
    assert (spec.self_hosted, spec.simulated) == (True, False)
    far = spec_of(table(base_url="https://llm.example/v1", model="m"))
    assert (far.self_hosted, far.trains_on_data) == (False, None)


def test_quirks_merge_from_provider_model_and_user():
    spec = spec_of("alibaba/qwen3-max-thinking")
    assert spec.model == "qwen3-max-2026-01-23"
    assert spec.quirks.stream
    assert spec.quirks.extra_body == {"enable_thinking": True}
    mine = table(provider="zai", model="glm-5", extra_body={"thinking": {"type": "disabled"}})
    assert spec_of(mine).quirks.extra_body == {"thinking": {"type": "disabled"}}


def test_routers_are_pinned():
    body = spec_of("openrouter/z-ai/glm-5").quirks.extra_body
    assert body["provider"] == {"order": ["z-ai"], "allow_fallbacks": False}
    with pytest.raises(InputError, match="name one: upstream"):
        spec_of("openrouter/tencent/hy4")
    pinned = table(provider="openrouter", model="tencent/hy4", upstream="novita")
    assert (
        spec_of(pinned).identity()
        != spec_of(table(provider="openrouter", model="tencent/hy4", upstream="other")).identity()
    )


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        ("deepseek", "is not a backend"),
        ("deepsek/deepseek-flash", "did you mean 'deepseek'"),
        ("deepseek/deepseek-flsh", "did you mean 'deepseek-flash'"),
        ("alibaba@eu/qwen3-max", "unknown region"),
        (table(provider="moonshot", model="kimi-k2.6", extra_body={"temperature": 0}), "takes 1"),
        (table(provider="moonshot", model="kimi-k2.6", extra_body={"top_p": 1}), "refuses 'top_p'"),
        (table(provider="zai", model="glm-5", extra_body={"temperature": 1.5}), "takes up to 1"),
        *(
            (
                table(base_url="http://h/v1", model="m", extra_body={name: 2}),
                f"'{name}' is the same",
            )
            for name in ("max_tokens", "max_completion_tokens", "n", "stream", "messages")
        ),
        (
            table(
                provider="deepseek", model="deepseek-flash", extra_body={"max_completion_tokens": 5}
            ),
            "drops",
        ),
        (
            table(provider="deepseek", model="deepseek-flash", extra_body={"temperature": 0}),
            "ignores",
        ),
    ],
)
def test_bad_names_and_parameters_are_told_in_one_line(ref, words):
    with pytest.raises(InputError, match=words):
        spec_of(ref)


# ── a user's own profiles ──────────────────────────────────────────────────────────────────────

OWN = """
id = "mine"
label = "Our gateway"
country = "DE"
key_env = ["OUR_KEY"]
source = "our wiki"
checked_on = 2026-11-01
evidence = "user"
[regions.main]
base_url = "https://llm.our-company.example/v1"
residency = "DE"
[[models]]
id = "glm-5"
lab = "Zhipu AI"
country = "CN"
source = "our wiki"
checked_on = 2026-11-01
evidence = "user"
[[models.prices]]
tiers = [{ input = "0.5", output = "2" }]
"""
PEAK = """
id = "deepseek"
[[models]]
id = "deepseek-flash"
[[models.prices]]
tiers = [{{ input = "1", output = "2" }}]
peak_tiers = [{{ input = "1", output = "2" }}]
peak = [{{ start = 08:00:00, end = 20:00:00, zone = "{zone}" }}]
"""
CHANGED = """
id = "deepseek"
trains_on_data = false
[rate]
concurrency = 4
[[models]]
id = "deepseek-flash"
label = "Ours"
"""


def test_user_profiles_add_and_override(tmp_path):
    (tmp_path / "mine.toml").write_text(OWN)
    (tmp_path / "other.toml").write_text(CHANGED)
    known = catalog.load([tmp_path])
    spec = spec_of("mine/glm-5", known=known)
    assert (spec.country, spec.provider_country, spec.residency) == ("CN", "DE", "DE")
    changed = spec_of("deepseek/deepseek-flash", known=known)
    assert changed.trains_on_data is False
    assert changed.rate.concurrency == 4
    assert changed.prices == spec_of("deepseek/deepseek-flash").prices
    assert spec_of("deepseek/deepseek-v4-pro", known=known).prices


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id = 'x", "cannot be read"),
        ("id = 'deepseek'\nkolour = 1", "unknown key 'kolour'"),
        ("id = 'new'\nlabel = 'New'", "is missing"),
        ("id = 'deepseek'\n[quirks]\noutput_limit_param = 'max'", "quirks.output_limit_param"),
        ("id = 'deepseek'\nmodels = 3", "models"),
        ("id = 'deepseek'\nmodels = [1]", "models"),
        ("id = 'deepseek'\nmodels = [{ id = [] }]", "models"),
        ("id = 'deepseek'\nmodels = [{ label = 'x' }]", "models"),
        ("id = 'deepseek'\n[[errors]]\noutcome = 'auth'\ncode = '('", "regular expression"),
        (PEAK.format(zone="Asia/Bejing"), "'Asia/Bejing' is no time zone"),
        (PEAK.format(zone="../x"), "is no time zone"),
    ],
)
def test_a_profile_that_does_not_fit_the_form_is_told(tmp_path, text, words):
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(InputError, match=words) as raised:
        catalog.load([tmp_path])
    assert "bad.toml" in raised.value.where


def test_the_shipped_catalogue_needs_no_list_of_time_zones(monkeypatch):
    def missing(name):
        raise ZoneInfoNotFoundError(name)

    monkeypatch.setattr(prices, "ZoneInfo", missing)
    peak = [window for _, row in catalog.load().rows() for p in row.prices for window in p.peak]
    assert prices.in_peak(peak, datetime(2026, 11, 2, 2, tzinfo=UTC))


@pytest.mark.parametrize("meant", ["gone", "glm-4.7"])
def test_an_alias_of_no_model_is_told(tmp_path, meant):
    alias = 'alias_of = "{}"\nsource = "x"\nchecked_on = 2026-11-01\nevidence = "user"\n'
    rows = "".join(
        f'[[models]]\nid = "{name}"\n{alias.format(of)}'
        for name, of in (("glm", meant), ("glm-4.7", "glm-5"))
    )
    (tmp_path / "mine.toml").write_text(OWN + rows)
    known = catalog.load([tmp_path])
    assert spec_of("mine/glm-4.7", known=known).model == "glm-5"
    with pytest.raises(InputError, match=f"alias of '{meant}'"):
        spec_of("mine/glm", known=known)


def test_prices_of_today_are_those_of_the_region_whatever_api_was_spoken():
    for name in ("alibaba/qwen3-max", "alibaba@cn/qwen3-max"):
        spec = spec_of(name)
        for api in ("chat", "messages"):
            assert catalog.prices_of(SHIPPED, over(spec, api)) == spec.prices


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        catalog.load([tmp_path / "nothing"])


# ── lists and policy ───────────────────────────────────────────────────────────────────────────


def test_lists_filter_and_unknown_fits_nothing():
    chinese = checks.listed(SHIPPED, today=TODAY, country="CN")
    assert {r.country for r in chinese} == {"CN"}
    opened = checks.listed(SHIPPED, today=TODAY, country="CN", open_weights=True)
    assert {r.open_weights for r in opened} == {True}
    stay = checks.listed(SHIPPED, today=TODAY, residency="SG")
    assert {r.name.split("/")[0] for r in stay} >= {"alibaba", "zai"}
    assert "tencent/hy3" not in {r.name for r in stay}


def test_a_list_shows_todays_price_and_state():
    rows = {r.name: r for r in checks.listed(SHIPPED, today=TODAY)}
    later = {r.name: r for r in checks.listed(SHIPPED, today=date(2026, 12, 1))}
    argon = "google/gemini-4-argon"
    assert rows[argon].price.tiers[0].input * 2 == later[argon].price.tiers[0].input
    assert rows["deepseek/deepseek-chat"].status == "retired"
    assert later["google/gemini-2.5-pro"].status == "retired"


def allowed(name, **rules):
    refusal = refused(lambda: policy.enforce(Policy(**rules), [spec_of(name)]))
    assert refusal is None or name in refusal.line()
    return refusal is None


def test_policy_counts_unknown_as_not_allowed():
    assert allowed("deepseek/deepseek-v4-pro", countries=("CN",), residency=("CN",))
    assert not allowed("deepseek/deepseek-v4-pro", countries=("US",))
    assert not allowed("openai/gpt-5.1", residency=("US",)), "its residency is not known"
    assert allowed("openai/gpt-5.1", countries=("US",), allow_training=False)
    assert not allowed("deepseek/deepseek-v4-pro", allow_training=False)
    assert not allowed("minimax/MiniMax-M2.7", allow_training=False), "nothing is known of it"
    assert not allowed("meta/muse-spark-1.3-contributor", allow_training=False)
    assert allowed("alibaba/qwen3-max", residency=("SG",), allow_training=False)


def test_policy_looks_at_who_serves_as_well_as_who_trained():
    assert not allowed("openrouter/z-ai/glm-5", countries=("US",))
    assert not allowed("openrouter/z-ai/glm-5", countries=("CN",))
    assert allowed("openrouter/z-ai/glm-5", countries=("CN", "US"))


def test_an_own_server_keeps_what_it_is_sent():
    own = spec_of(table(base_url="http://localhost:8000/v1", model="m", country="CN"))
    policy.enforce(Policy(countries=("CN",), residency=("US",), allow_training=False), [own])
    with pytest.raises(InputError, match="lab's country is CN"):
        policy.enforce(Policy(countries=("US",)), [own])


def test_private_tasks_need_a_policy():
    spec = spec_of("openai/gpt-5.1")
    with pytest.raises(InputError, match="'mined/one' is private"):
        policy.enforce(None, [spec], private=["mined/one"])
    policy.enforce(Policy(), [spec], private=["mined/one"])
    policy.enforce(None, [], private=["mined/one"])
