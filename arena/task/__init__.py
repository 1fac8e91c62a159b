"""Tasks as data: packs, the diff that an agent left, the policy over it. Knows no engine."""
