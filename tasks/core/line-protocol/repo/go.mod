module example.org/linegram

go 1.19
