# Amounts: cents in, text out.

money() {
    printf '%d.%02d EUR\n' "$(($1 / 100))" "$(($1 % 100))"
}
