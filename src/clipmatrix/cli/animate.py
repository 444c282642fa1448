"""``clipmatrix animate``: a motion file and options into one call of the api; knows no stage."""

from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--motion", required=True, type=click.Path(path_type=Path), help="BVH, GLB or AMASS/SMPL-X .npz file to move by."
)
@click.option("--name", help="What the clip is called in the model.  [default: as in the file]")
@click.option("--take", help="Which animation of a GLB file.  [default: the only one]")
@click.option("--start", type=float, default=0.0, show_default=True, help="Second of the file to begin at.")
@click.option("--seconds", type=float, help="How much of it to take.  [default: to its end]")
@click.option("--fps", type=float, default=30.0, show_default=True, help="Key frames a second in the model.")
@click.option("--loop", is_flag=True, help="Close the movement: its end melts into its beginning.")
@click.option("--in-place", is_flag=True, help="Leave out the way over the ground.")
@click.option("--free-feet", is_flag=True, help="Do not hold feet where they stand.")
@click.option("--size", type=int, default=768, show_default=True, help="The film's side in pixels; 0 makes no film.")
def animate(
    run: Path,
    motion: Path,
    name: str | None,
    take: str | None,
    start: float,
    seconds: float | None,
    fps: float,
    loop: bool,
    in_place: bool,
    free_feet: bool,
    size: int,
) -> int:
    """Move the character of RUN by a motion file, as in: clipmatrix animate runs/a-zebra-0 --motion walk.bvh

    Adds a clip to RUN/result/model.glb, keeps the others, and writes the clip's film beside it.
    """
    from clipmatrix.api import animate as animate_run
    from clipmatrix.api import open_run
    from clipmatrix.cli.bar import Bar
    from clipmatrix.cli.progress import shown
    from clipmatrix.generate.animating import AnimateConfig
    from clipmatrix.motion.reading import Excerpt
    from clipmatrix.motion.retarget import RetargetConfig

    config = AnimateConfig(
        name=name,
        excerpt=Excerpt(start, seconds, fps, take),
        retarget=RetargetConfig(holds_feet=not free_feet, is_in_place=in_place),
        is_loop=loop,
        film_size=size,
    )
    with Bar("filming") as bar:
        done = animate_run(open_run(run), motion, config, bar.show)
    for line in done.report.lines():
        click.echo(line, err=True)
    click.echo(f"clip           {done.name}")
    click.echo(f"model          {shown(done.glb)}")
    if done.film is not None:
        click.echo(f"film           {shown(done.film)}")
    return 0
