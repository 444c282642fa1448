"""Where we look from: cameras, and shots that frame a region; knows neither how things are drawn nor what they mean."""
