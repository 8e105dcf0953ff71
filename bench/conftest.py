"""Prints what pytest-benchmark keeps for its JSON file only."""


def pytest_terminal_summary(terminalreporter):
    rows = [
        (report.nodeid.rpartition("::")[2], dict(report.user_properties)["rates"])
        for report in terminalreporter.getreports("passed")
        if report.when == "call" and "rates" in dict(report.user_properties)
    ]
    if not rows:
        return
    terminalreporter.section("rates of the best rounds")
    terminalreporter.write_line(f"{'':45} {'GFLOP/s':>8} {'of peak':>8} {'GB/s':>6}")
    for name, rates in rows:
        traffic = f"{rates['GB/s']:6.1f}" if "GB/s" in rates else ""
        terminalreporter.write_line(f"{name:45} {rates['GFLOP/s']:8.1f} {rates['share of peak']:8.0%} {traffic}")
