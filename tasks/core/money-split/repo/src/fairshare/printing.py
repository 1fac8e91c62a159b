"""Invoices as text."""


def render(invoice):
    """A table of the lines, then discount, taxes and total."""
    rows = [("", "net", "discount", "tax")]
    columns = zip(invoice.lines, invoice.line_discounts(), invoice.line_taxes())
    for line, discount, tax in columns:
        rows.append((line.text, str(line.net.amount), str(discount.amount), str(tax.amount)))
    widths = [max(len(row[n]) for row in rows) for n in range(4)]
    lines = []
    for first, *numbers in rows:
        cells = [first.ljust(widths[0])]
        cells.extend(text.rjust(width) for text, width in zip(numbers, widths[1:]))
        lines.append("  ".join(cells).rstrip())
    for rate, tax in invoice.taxes().items():
        lines.append(f"tax {rate * 100:.1f}%: {tax}")
    lines.append(f"total: {invoice.total()}")
    return "\n".join(lines)
