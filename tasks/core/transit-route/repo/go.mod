module example.org/transit

go 1.19
