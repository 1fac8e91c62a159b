"""Tasks as data: packs, the policy over patches, how a patch is made. Knows no engine."""
