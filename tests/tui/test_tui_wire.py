"""What goes over the line: the cells that changed, and no other."""

from textual.geometry import Region

from flowctl.services import processors
from tests.screen import Home, Screen


def test_only_changed_cells_are_sent(home: Home) -> None:
    async def play(screen: Screen) -> None:
        await screen.press("5")
        await screen.until_says("3 processors")
        deck, sent = screen.deck, []
        grid = deck.view.grid  # type: ignore[attr-defined]
        refresh = grid.refresh
        grid.refresh = lambda *regions, **options: (
            sent.extend(regions),
            refresh(*regions, **options),
        )
        processors.scale(home.control, "shop/store", "7")
        await screen.look_again()
        cell = screen.lines()[5].rindex("7")
        assert sent == [Region(cell, 3, 1, 1)]

        compositor = deck._compositor
        compositor._dirty_regions.clear()
        compositor._dirty_regions.add(Region(cell, 5, 1, 1))
        update = compositor.render_partial_update()
        assert update is not None
        assert update.render_segments(screen.app.console) == f"\x1b[6;{cell + 1}H7"

    home.play(play)


def test_what_is_as_it_was_sends_nothing(home: Home) -> None:
    async def play(screen: Screen) -> None:
        await screen.press("4")
        await screen.until_says("queues")
        grid = screen.deck.view.grid  # type: ignore[attr-defined]
        sent: list[Region] = []
        grid.refresh = lambda *regions, **_options: sent.extend(regions)
        await screen.look_again()
        assert sent == []

    home.play(play)
