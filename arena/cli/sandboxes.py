"""`arena sandboxes`: the images that trials run in."""
