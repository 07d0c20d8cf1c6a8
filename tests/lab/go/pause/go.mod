module champ.example/lab/pause

go 1.25.0
